"""What the Prometheus operator is told, and the dashboards' config map."""

from typing import Any

import yaml

from deploy.kubernetes.prometheus_rule import RESOURCE, RULES, resource
from tests.deploy.manifests import KUBERNETES, of_kind, one, selects


def _spaced(value: Any) -> Any:
    """With one blank for any white space: Kustomize folds long lines anew, and adds an empty one now and then."""
    if isinstance(value, dict):
        return {key: _spaced(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_spaced(each) for each in value]
    return " ".join(value.split()) if isinstance(value, str) else value


def test_the_rules_are_those_of_prometheus() -> None:
    assert RESOURCE.read_text(encoding="utf-8") == resource(RULES.read_text(encoding="utf-8")), (
        "run: python -m deploy.kubernetes.prometheus_rule"
    )
    assert _spaced(one("production", "PrometheusRule")["spec"]) == _spaced(yaml.safe_load(RULES.read_text()))


def test_the_service_is_scraped_as_the_job_that_the_rules_know() -> None:
    monitor, service = one("production", "ServiceMonitor")["spec"], one("production", "Service")
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["namespaceSelector"]["matchNames"] == [service["metadata"]["namespace"]]
    assert service["metadata"]["name"] == "sentiment-worker"
    assert "jobLabel" not in monitor


def test_metrics_are_scraped_from_the_port_of_the_service() -> None:
    (endpoint,) = one("production", "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in one("production", "Service")["spec"]["ports"]}
    assert endpoint["path"] == "/metrics"


def test_the_dashboards_come_along() -> None:
    found = [
        name
        for each in of_kind("production", "ConfigMap")
        if selects({"grafana_dashboard": "1"}, {"metadata": {"labels": {}} | each["metadata"]})
        for name in each["data"]
    ]
    assert sorted(found) == sorted(path.name for path in (KUBERNETES.parent / "grafana" / "dashboards").glob("*.json"))
    assert found
