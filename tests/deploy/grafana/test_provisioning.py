"""What Grafana reads at its start, or from a config map, leads to the dashboards and their data source."""

from pathlib import Path
from typing import Any

import yaml

from tests.deploy.grafana.dashboards import GRAFANA, NAMES, defaults, load


def read(path: str) -> Any:
    return yaml.safe_load((GRAFANA / path).read_text(encoding="utf-8"))


def test_the_data_source_is_the_one_that_the_dashboards_ask_first() -> None:
    [source] = read("provisioning/datasources/prometheus.yml")["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
    assert {defaults(load(name))["datasource"] for name in NAMES} == {source["uid"]}


def test_the_provider_reads_the_directory_where_the_dashboards_are_mounted() -> None:
    [provider] = read("provisioning/dashboards/sentiment.yml")["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "/var/lib/grafana/dashboards")


def test_nothing_else_is_provisioned() -> None:
    found = {path.relative_to(GRAFANA).as_posix() for path in (GRAFANA / "provisioning").rglob("*") if path.is_file()}
    assert found == {"provisioning/datasources/prometheus.yml", "provisioning/dashboards/sentiment.yml"}


def test_the_config_map_has_every_dashboard_and_the_label_that_the_sidecar_looks_for() -> None:
    kustomization = read("kustomization.yaml")
    [config_map] = kustomization["configMapGenerator"]
    assert {Path(file).stem for file in config_map["files"]} == {
        path.stem for path in (GRAFANA / "dashboards").iterdir()
    }
    assert all((GRAFANA / file).is_file() for file in config_map["files"])
    assert kustomization["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}
