"""deploy/compose.yaml: by the compose specification, and against what the project has."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from deploy.local.java import java_command
from deploy.local.kafka import JAVA_OPTIONS
from deploy.local.kafka_jars import classpath
from tests.deploy.composed import COMPOSE, DEPLOY, SERVICES, mounts, server_properties
from worker import cache
from worker.commands.doctor import redis as doctor_redis
from worker.commands.run import STOP_LIMIT_SECONDS
from worker.settings.settings import PREFIX, Settings, load

SCHEMA = Path(__file__).with_name("schemas") / "compose-spec.json"
WORKER = SERVICES["worker"]
DOCKERFILE = DEPLOY / "Dockerfile"
MOUNTS = [(service, target, source) for service in SERVICES for target, source in mounts(service).items()]

# Of its configuration: the sections, with _ for the dot that names of environment variables cannot have.
GRAFANA_SETTINGS = {
    "analytics": {"reporting_enabled", "check_for_updates", "check_for_plugin_updates", "feedback_links_enabled"},
    "auth": {"disable_login", "disable_login_form", "disable_signout_menu"},
    "auth_anonymous": {"enabled", "hide_version", "org_name", "org_role"},
    "auth_basic": {"enabled"},
    "plugins": {"preinstall_disabled"},
}
# What tells people how Redis should be set.
ADVISERS = (Path(cache.__file__), Path(doctor_redis.__file__))


def _seconds(duration: str) -> float:
    assert duration.endswith("s")
    return float(duration[:-1])


def _scraped() -> list[dict[str, Any]]:
    prometheus = yaml.safe_load((DEPLOY / mounts("prometheus")["/etc/prometheus/prometheus.yml"]).read_text())
    return [job for job in prometheus["scrape_configs"] if job["job_name"] == "sentiment-worker"]


def test_is_valid_by_the_schema_of_the_compose_specification() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    Draft7Validator(schema).validate(COMPOSE)


@pytest.mark.parametrize(("service", "target", "source"), MOUNTS)
def test_what_is_mounted_is_there(service: str, target: str, source: str) -> None:
    assert (DEPLOY / source).exists(), f"{service}: {target}"


def test_the_worker_is_built_from_the_dockerfile_here() -> None:
    build = WORKER["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DOCKERFILE
    assert re.search(rf"^FROM \S+ AS {build['target']}$", DOCKERFILE.read_text(), re.MULTILINE)


def test_the_worker_runs_as_the_user_that_the_image_is_made_for() -> None:
    image = DOCKERFILE.read_text().split(" AS worker\n")[1].split("\nFROM ")[0]
    assert re.findall(r"^USER (\S+)$", image, re.MULTILINE) == [WORKER["user"]]


def test_the_workers_settings_are_real_and_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WORKER["environment"].items():
        assert name.removeprefix(PREFIX).lower() in Settings.model_fields
        monkeypatch.setenv(name, value)
    settings = load({})
    assert settings.redis_url is not None
    assert settings.redis_url.get_secret_value() == "redis://redis:6379/0"


def test_no_other_service_is_given_a_setting_of_the_worker() -> None:
    others = [service for name, service in SERVICES.items() if name != "worker"]
    assert not [name for each in others for name in each.get("environment", {}) if name.startswith(PREFIX)]


def test_replicas_of_the_worker_share_no_instance_id() -> None:
    assert WORKER["scale"] == 2
    assert not {"container_name", "hostname", "ports"} & WORKER.keys()
    assert "SENTIMENT_INSTANCE_ID" not in WORKER["environment"]


def test_the_drain_is_given_time() -> None:
    assert _seconds(WORKER["stop_grace_period"]) > STOP_LIMIT_SECONDS + 5


def test_the_broker_is_the_one_that_the_tests_run_on() -> None:
    jars = (DEPLOY / "local" / "kafka_jars.txt").read_text()
    assert f"org.apache.kafka:kafka_2.13:{SERVICES['kafka']['image'].split(':')[1]} " in jars


def test_the_brokers_properties_are_some_that_kafka_knows() -> None:
    # Prints the documentation of every property, as a page.
    page = subprocess.run(
        [java_command(), *JAVA_OPTIONS, "-cp", classpath(), "kafka.server.KafkaConfig"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    known = set(re.findall(r'<h4><a id="([^"]+)">', page))
    assert len(known) > 300
    assert server_properties(SERVICES["kafka"]["environment"]).keys() <= known


def test_grafanas_settings_are_some_that_it_knows() -> None:
    given = SERVICES["grafana"]["environment"].keys()
    assert given <= {f"GF_{section}_{key}".upper() for section, keys in GRAFANA_SETTINGS.items() for key in keys}


def test_redis_evicts_as_is_recommended_everywhere() -> None:
    command = SERVICES["redis"]["command"]
    texts = [path.read_text(encoding="utf-8") for path in (DEPLOY / "capacity.md", DEPLOY / "README.md", *ADVISERS)]
    recommended = [policy for text in texts for policy in re.findall(r"maxmemory-policy ([a-z-]+)", text)]
    assert len(recommended) >= len(texts)
    assert {*recommended} == {command[command.index("--maxmemory-policy") + 1]}


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"worker"}))
def test_images_of_others_are_pinned(service: str) -> None:
    assert re.fullmatch(r"[a-z]+(/[a-z]+)?:v?\d+\.\d+\.\d+(-alpine)?", SERVICES[service]["image"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_tells_its_health(service: str) -> None:
    own = SERVICES[service].get("healthcheck", {}).get("test")
    assert own or (service == "worker" and "\nHEALTHCHECK " in DOCKERFILE.read_text())


def test_what_is_waited_for_is_healthy_not_only_started() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    assert waits["worker"].keys() == {"kafka", "redis"}
    assert {wait["condition"] for each in waits.values() for wait in each.values()} == {"service_healthy"}


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_has_more_rights_than_it_needs(service: str) -> None:
    given = SERVICES[service]
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]
    # Kafka's image writes its settings into its own file system, as the user that it was made for.
    assert service == "kafka" or (given["read_only"] and re.fullmatch(r"[1-9]\d*:\d+", given["user"]))


def test_only_this_machine_reaches_what_is_open() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_prometheus_scrapes_every_replica_of_the_worker() -> None:
    (job,) = _scraped()
    found = {(name, str(config["port"])) for config in job["dns_sd_configs"] for name in config["names"]}
    assert found == {("worker", WORKER["environment"]["SENTIMENT_HTTP_PORT"])}
    assert WORKER["expose"] == [WORKER["environment"]["SENTIMENT_HTTP_PORT"]]


def test_prometheus_finds_the_rules_and_takes_no_tests_for_rules() -> None:
    files = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["rule_files"]
    seen = mounts("prometheus")
    found = [
        path.name
        for pattern in files
        for target, source in seen.items()
        if (inside := Path("/etc/prometheus", pattern)).is_relative_to(target)
        for path in (DEPLOY / source).glob(inside.relative_to(target).as_posix())
    ]
    assert found == ["sentiment.yml"]


def test_grafana_reads_prometheus_and_the_mounted_dashboards() -> None:
    provisioning = DEPLOY / mounts("grafana")["/etc/grafana/provisioning"]
    (sources,) = [yaml.safe_load(path.read_text()) for path in provisioning.glob("datasources/*.y*ml")]
    assert [source["url"] for source in sources["datasources"]] == ["http://prometheus:9090"]
    (providers,) = [yaml.safe_load(path.read_text()) for path in provisioning.glob("dashboards/*.y*ml")]
    assert {provider["options"]["path"] for provider in providers["providers"]} <= mounts("grafana").keys()
