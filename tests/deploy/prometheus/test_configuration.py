"""The configuration is one that Prometheus takes, and its rules work on what a worker really exposes."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from deploy.local.processes import wait_until
from tests.deploy.prometheus.files import FOLDER, RULES, promtool, rules
from tests.deploy.prometheus_server import EVERY_SECOND, LocalPrometheus, require_prometheus
from worker.kafka.types import Partition
from worker.observability.health import Health, HealthServer
from worker.observability.metrics import Metrics

MOUNTED = "/etc/prometheus/rules/"


def _work(metrics: Metrics) -> None:
    """What one batch leaves in the metrics, and a partition with something left to read."""
    metrics.transactions.labels("committed").inc()
    metrics.records_consumed.inc()
    metrics.end_to_end_duration.observe(20)
    metrics.last_commit.labels("0").set(time.time())
    metrics.lags({Partition("reviews", 0): 3}, {Partition("reviews", 0): 2.5})


def _hurried(directory: Path, worker: str) -> Path:
    """The configuration as it is but for the times, the workers' addresses and where the rules lie."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["interval"] = "1s"
    config["global"] = EVERY_SECOND
    [job] = [each for each in config["scrape_configs"] if each["job_name"] == "sentiment-worker"]
    del job["dns_sd_configs"]
    job["static_configs"] = [{"targets": [worker]}]
    config["scrape_configs"] = [job]
    config["rule_files"] = [str(directory / Path(name).name) for name in config["rule_files"]]
    (directory / RULES.name).write_text(yaml.safe_dump(rules), encoding="utf-8")
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[LocalPrometheus]:
    """A Prometheus that scraped a worker at work until every recorded series was there."""
    require_prometheus()
    metrics, wanted = Metrics(), {rule["record"] for rule in rules("record")}
    with (
        closing(HealthServer("127.0.0.1", 0, Health(), metrics.registry)) as worker,
        LocalPrometheus(lambda directory: _hurried(directory, f"127.0.0.1:{worker.port}")) as prometheus,
    ):
        missing = wanted

        def all_there() -> bool:
            nonlocal missing
            _work(metrics)
            missing = wanted - {each["__name__"] for each in prometheus.series('{__name__=~"(group|partition):.+"}')}
            return not missing

        wait_until(all_there, 30, lambda: f"never recorded: {missing}")
        yield prometheus


def test_every_rule_works_on_a_workers_metrics(server: LocalPrometheus) -> None:
    wait_until(lambda: all(rule["health"] != "unknown" for rule in server.rules()), 10, lambda: "rules not evaluated")
    assert {rule["health"] for rule in server.rules()} == {"ok"}
    assert {rule["name"] for rule in server.rules()} == {
        *(rule["record"] for rule in rules("record")),
        *(rule["alert"] for rule in rules("alert")),
    }


def test_records_slower_than_ten_seconds_are_told_from_the_others(server: LocalPrometheus) -> None:
    assert server.series("group:sentiment_end_to_end_duration_seconds:slow_ratio5m == 1")


def test_the_workers_job_is_the_one_that_the_rules_ask_for(server: LocalPrometheus) -> None:
    assert [each["job"] for each in server.series("group:up:count == 1")] == ["sentiment-worker"]


def test_promtool_takes_the_configuration_with_the_rules_and_not_their_tests(tmp_path: Path) -> None:
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    assert MOUNTED in text
    (tmp_path / "prometheus.yml").write_text(text.replace(MOUNTED, f"{RULES.parent}/"))
    said = promtool("check", "config", tmp_path / "prometheus.yml")
    assert "1 rule files found" in said
    assert f"{len(rules('record')) + len(rules('alert'))} rules found" in said


def test_kustomize_makes_a_config_map_of_the_rules_from_inside_its_root() -> None:
    commands = (["kubectl", "kustomize"], ["kustomize", "build"])
    command = next((each for each in commands if shutil.which(each[0])), None)
    if command is None:
        pytest.skip("neither kubectl nor kustomize is installed, which read kustomizations")
    made = subprocess.run([*command, FOLDER], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    config_map = yaml.safe_load(made.stdout)
    assert config_map["kind"] == "ConfigMap"
    assert config_map["data"] == {RULES.name: RULES.read_text(encoding="utf-8")}
    assert config_map["metadata"]["name"].startswith("sentiment-prometheus-rules")
