"""The workers' pods: settings, probes, resources, how they are replaced, and that all names lead somewhere."""

import argparse
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.deploy.manifests import (
    KUBERNETES,
    NAME,
    OVERLAYS,
    SECRETS,
    container_of,
    example_secrets,
    of_kind,
    one,
    pod_of,
    pod_templates,
    selects,
    settings_of,
)
from tests.pages import README, read
from worker.commands import run
from worker.observability.health import START_LIMIT_SECONDS, Health, HealthServer
from worker.observability.metrics import Metrics
from worker.settings.settings import PREFIX, Settings, given_flags, is_secret, load

# The row of the default model and client: reviews per CPU-second, latency, memory.
[MEASURED] = re.findall(r"^\| `reviews`, kafka-python \| ([\d,]+) \| [^|]+ \| (\d+) MB \|$", read(README), re.MULTILINE)
UNITS = {"Mi": 2**20, "Gi": 2**30}
# Of each further version of `reviews` in one process.
VERSION_BYTES = 78e6


def _bytes(quantity: str) -> int:
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


@pytest.fixture(scope="module")
def begins() -> Iterator[int]:
    """The port of a worker's HTTP server, before the model is loaded and the group joined."""
    server = HealthServer("127.0.0.1", 0, Health(), Metrics().registry)
    yield server.port
    server.close()


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _arguments(overlay: str) -> argparse.Namespace:
    container = container_of(overlay)
    assert container["command"] == ["python3", "-m", "worker", "run"]
    parser = argparse.ArgumentParser()
    run.add_arguments(parser)
    return parser.parse_args(container.get("args", []))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_settings_are_real_and_valid(overlay: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in settings_of(overlay).items():
        assert name.removeprefix(PREFIX).lower() in Settings.model_fields
        if value.startswith(SECRETS):
            key = value.removeprefix(f"{SECRETS}/")
            example = example_secrets()["sentiment-worker"][key]
            # An example of a certificate is none that could be read.
            (tmp_path / key).write_text(Authority(tmp_path).file.read_text() if key.endswith(".crt") else example)
            value = str(tmp_path / key)
        monkeypatch.setenv(name, value)
    settings = load(given_flags(_arguments(overlay)))
    assert settings.redis_url is not None
    assert settings.connection().bootstrap_servers != Settings.model_fields["kafka_bootstrap_servers"].default


def test_the_readme_names_the_services_that_development_expects_and_does_not_bring() -> None:
    given = settings_of("development")
    addresses = [given["SENTIMENT_KAFKA_BOOTSTRAP_SERVERS"], given["SENTIMENT_REDIS_URL"].split("/")[2]]
    services = [address.split(":") for address in addresses]
    (row,) = [line for line in (KUBERNETES / "README.md").read_text().splitlines() if "(overlays/development)" in line]
    assert [list(each) for each in re.findall(r"`(\w+)` \((\d+)\)", row)] == services
    assert not {name for name, _ in services} & {each["metadata"]["name"] for each in of_kind("development", "Service")}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_secret_is_in_a_config_map_and_no_secret_comes_along(overlay: str) -> None:
    names = {name.removeprefix(PREFIX).lower() for name in settings_of(overlay)}
    secrets = {name for name in names if is_secret(Settings.model_fields[name])}
    # A plain Redis without a password, for trying things out, is no secret.
    assert secrets == ({"redis_url"} if overlay == "development" else set())
    assert not of_kind(overlay, "Secret")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_variables_come_from_the_settings_and_the_pods_own_name(overlay: str) -> None:
    container = container_of(overlay)
    (source,) = container["envFrom"]
    assert source["configMapRef"]["name"] == one(overlay, "ConfigMap")["metadata"]["name"]
    named = {each["name"]: each for each in container["env"] if not each["name"].startswith("AWS_")}
    assert named.keys() == {"SENTIMENT_INSTANCE_ID"}
    assert named["SENTIMENT_INSTANCE_ID"]["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_put_no_variables_into_any_pod(overlay: str) -> None:
    assert all(template["spec"]["enableServiceLinks"] is False for template in pod_templates(overlay))


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize(("probe", "status"), [("startupProbe", 200), ("livenessProbe", 200), ("readinessProbe", 503)])
def test_probes_ask_what_a_worker_that_begins_answers(overlay: str, probe: str, status: int, begins: int) -> None:
    container = container_of(overlay)
    asked = container[probe]["httpGet"]
    assert _status(f"http://127.0.0.1:{begins}{asked['path']}") == status
    ports = {port["name"]: str(port["containerPort"]) for port in container["ports"]}
    assert ports[asked["port"]] == settings_of(overlay)["SENTIMENT_HTTP_PORT"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_is_given_time_to_drain_and_to_fetch_its_model(overlay: str) -> None:
    assert pod_of(overlay)["spec"]["terminationGracePeriodSeconds"] > run.STOP_LIMIT_SECONDS + 5
    assert one(overlay, "Deployment")["spec"]["progressDeadlineSeconds"] > START_LIMIT_SECONDS


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_update_never_has_fewer_workers_than_before(overlay: str) -> None:
    spec = one(overlay, "Deployment")["spec"]
    update = spec["strategy"]["rollingUpdate"]
    assert update["maxUnavailable"] == 0
    assert update["maxSurge"] > 0


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_memory_is_what_was_measured_and_three_more_versions(overlay: str) -> None:
    resources = container_of(overlay)["resources"]
    assert _bytes(resources["limits"]["memory"]) >= int(MEASURED[1]) * 1e6 + 3 * VERSION_BYTES
    assert resources["requests"] == {"cpu": "1", "memory": resources["limits"]["memory"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_models_are_fetched_to_where_the_worker_can_write(overlay: str) -> None:
    mounts = {each["mountPath"]: each["name"] for each in container_of(overlay)["volumeMounts"]}
    volumes = {each["name"]: each for each in pod_of(overlay)["spec"]["volumes"]}
    assert "emptyDir" in volumes[mounts[settings_of(overlay)["SENTIMENT_MODEL_CACHE"]]]
    assert volumes.keys() == set(mounts.values())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_service_stands_for_every_worker_and_is_headless(overlay: str) -> None:
    service = one(overlay, "Service")["spec"]
    assert service["clusterIP"] == "None"
    assert service["publishNotReadyAddresses"]
    assert selects(service["selector"], pod_of(overlay))
    assert [port["targetPort"] for port in service["ports"]] == [container_of(overlay)["ports"][0]["name"]]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_spread_over_nodes_and_zones(overlay: str) -> None:
    template = pod_of(overlay)
    spread = template["spec"]["topologySpreadConstraints"]
    assert {each["topologyKey"] for each in spread} == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert all(selects(each["labelSelector"]["matchLabels"], template) for each in spread)
    assert one(overlay, "Deployment")["spec"]["selector"]["matchLabels"] == {NAME: "sentiment-worker"}
    assert template["metadata"]["labels"][NAME] == "sentiment-worker"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_runs_as_an_account_that_is_there_and_has_no_token(overlay: str) -> None:
    accounts = {each["metadata"]["name"]: each for each in of_kind(overlay, "ServiceAccount")}
    for template in pod_templates(overlay):
        account = accounts[template["spec"]["serviceAccountName"]]
        assert account["automountServiceAccountToken"] is template["spec"]["automountServiceAccountToken"] is False


def test_an_image_of_production_is_pinned() -> None:
    for template in pod_templates("production"):
        (container,) = template["spec"]["containers"]
        assert re.fullmatch(r"registry\.example\.com/kafka-sentiment-\w+:\d+\.\d+\.\d+", container["image"])
