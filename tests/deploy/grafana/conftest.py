"""One stream with all that the dashboards show, and the Prometheus that watches it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.grafana.dashboard import JOB
from deploy.local.kafka import LocalKafka
from deploy.local.processes import free_ports
from models.artifact import read_manifest, write_manifest
from models.profile import FIELD
from models.registry.registry import Registry
from models.scorer import Scorer
from tests.deploy.prometheus_server import EVERY_SECOND, LocalPrometheus, require_prometheus
from tests.kafka.poison import CASES
from tests.kafka.stream import Stream
from tests.kafka.waiting import eventually
from tests.reviews import sample
from tests.versions import BREAKS, NAME, OPPOSITE, add_version
from trainer.profile import measure_profile

SETTINGS = {
    "model_name": NAME,
    "model_poll_seconds": "0.2",
    "trial_budget_ratio": "1",
    "canary_decision": "recommend",
    "canary_min_records": "100",
    # Long enough for some scrapes.
    "canary_min_seconds": "5",
    # A busy machine says nothing about a version.
    "canary_max_slowdown": "100",
    "shadow_topic": "no-such-topic",
}
POISON = [case.draft for case in CASES if case.name in ("not JSON", "a list", "too long a text")]


@pytest.fixture(scope="module")
def _installed() -> None:
    require_prometheus()


@pytest.fixture(scope="module")
def watched(_installed: None, kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPrometheus]:
    """That of a worker with a backlog, a load, dead letters, a version that it refused, and trials.

    The shadow's topic is missing; one canary is recommended, the next one is not.
    """
    store = tmp_path_factory.mktemp("store")
    versions = versions_of(store)
    label(store, versions["broken"], versions["canary"])
    [port] = free_ports(1)
    where = {"model_store": str(store), "http_port": str(port)}
    with (
        LocalPrometheus(lambda directory: scraping(directory, f"127.0.0.1:{port}")) as prometheus,
        Stream(kafka, "librdkafka", **SETTINGS, **where) as stream,
    ):
        stream.ready_workers(1)
        refused = lambda: prometheus.over_time("sentiment_model_refused")  # noqa: E731
        eventually(lambda: bool(refused()), 30, "Prometheus never saw the refused version")
        label(store, versions["opposite"], versions["canary"])
        # Counted from here on: what a counter was at the first scrape is no growth.
        stream.send_reviews(2_000)
        stream.send(*POISON)
        with stream.load(200):
            promoted = lambda: prometheus.series('sentiment_canary_decisions_total{decision="promote"} > 0')  # noqa: E731
            eventually(lambda: bool(promoted()), 60, "Prometheus never saw a canary promoted")
            label(store, versions["opposite"], versions["opposite"])
            yield prometheus


def scraping(directory: Path, target: str) -> Path:
    """The configuration of a Prometheus that scrapes one worker."""
    path = directory / "prometheus.yml"
    scrape = {"job_name": JOB, "static_configs": [{"targets": [target]}]}
    # JSON is YAML too.
    path.write_text(json.dumps({"global": EVERY_SECOND, "scrape_configs": [scrape]}))
    return path


def versions_of(store: Path) -> dict[str, int]:
    """A stable version with a profile, one like it, one that says the opposite, and one that cannot be loaded."""
    stable = add_version(store)
    add_profile(Registry(store).resolve(f"{NAME}@{stable}").path)
    versions = {"canary": add_version(store), "opposite": add_version(store, OPPOSITE), "broken": add_version(store)}
    BREAKS["truncated"](store / NAME / str(versions["broken"]))
    return versions


def add_profile(directory: Path) -> None:
    """Give the manifest a profile, so that there is drift."""
    profile = measure_profile(Scorer.load(directory, verify=False), sample()).to_json()
    manifest = read_manifest(directory)
    write_manifest(directory, replace(manifest, training=manifest.training | {FIELD: profile}))


def label(store: Path, shadow: int, canary: int) -> None:
    """Write the labels as somebody who checks nothing would."""
    labels = {"stable": 1, "canary": {"version": canary, "share": 0.3}, "shadow": {"version": shadow, "share": 0.5}}
    (store / NAME / "labels.json").write_text(json.dumps(labels))
