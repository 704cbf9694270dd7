"""What Grafana reads at its start, or from a config map, leads to the dashboards and their data source."""

import json
from typing import Any

import pytest
import yaml

from tests.deploy.grafana.dashboards import GRAFANA, NAMES, defaults, load

# What Kubernetes allows for all annotations of an object together, less some for others.
ANNOTATION_BYTES = 250 * 1024


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


def test_every_dashboard_has_a_config_map_with_the_label_that_the_sidecar_looks_for() -> None:
    kustomization = read("kustomization.yaml")
    files = [file for config_map in kustomization["configMapGenerator"] for file in config_map["files"]]
    assert sorted(files) == sorted(f"dashboards/{path.name}" for path in (GRAFANA / "dashboards").iterdir())
    assert kustomization["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}


@pytest.mark.parametrize("config_map", read("kustomization.yaml")["configMapGenerator"], ids=lambda each: each["name"])
def test_a_config_map_fits_into_the_annotation_that_kubectl_apply_makes_of_it(config_map: dict[str, Any]) -> None:
    texts = [(GRAFANA / file).read_text(encoding="utf-8") for file in config_map["files"]]
    # It is JSON in JSON.
    assert len(json.dumps(json.dumps(texts))) < ANNOTATION_BYTES
