"""Grafana dashboards as code, from the metric catalogue; `python -m deploy.grafana.build` makes their JSON."""
