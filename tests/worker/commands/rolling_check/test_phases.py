"""The course of a check with workers that never take the new version: the label does not stay there."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.registry.registry import Registry
from tests.models.remote import write_packaged
from worker.commands.rolling_check import phases
from worker.commands.rolling_check.phases import Phases, Plan
from worker.commands.rolling_check.update import Update
from worker.errors import StopWorker

KEYS = [b"k1", b"k2"]


class Stream:
    """Sender and watcher at once: every review was answered, by version 1."""

    def __init__(self, newest: Mapping[bytes, int]) -> None:
        self.error = None
        self.reviews = SimpleNamespace(keys=KEYS)
        self.sent, self.answered, self.arrivals = {"r1": time.monotonic()}, {"r1": 1}, ["r1"]
        self.newest = dict(newest)

    def start(self) -> None:
        """Nothing to do."""

    stop = start

    def oldest_unanswered(self, answered: object) -> None:
        return None


class Workers:
    """A group that notes where the label stands when it is restarted."""

    steps = ("all workers",)

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.started_with: list[Mapping[str, Any]] = []

    def restart(self, step: str) -> None:
        self.started_with.append(self.registry.labels("imdb"))


@pytest.fixture
def update(tmp_path: Path) -> Update:
    registry = Registry(tmp_path)
    for _ in range(2):
        registry.publish("imdb", write_packaged)
    return Update.plan(registry, "imdb", "stable", "2")


def gone_through(
    update: Update, newest: Mapping[bytes, int], monkeypatch: pytest.MonkeyPatch
) -> tuple[Phases, Workers]:
    monkeypatch.setattr(phases, "_WARM_UP_SECONDS", 0.0)
    monkeypatch.setattr(phases, "_SETTLED_SECONDS", 0.0)
    stream: Any = Stream(newest)
    workers = Workers(update.registry)
    going = Phases(Plan(0.1, 0.2, 0.1), stream, stream, workers, update)
    going.run()
    return going, workers


def test_an_update_that_not_all_workers_took_is_taken_back_before_they_are_restarted(
    update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, workers = gone_through(update, {b"k1": 2, b"k2": 1}, monkeypatch)
    assert workers.started_with == [{"stable": 1}]
    assert going.reasons[0].endswith("0.2 s of the label's change: 1 of 2 keys did.")
    assert [event.text for event in going.events][:2] == ["label stable: 1 to 2", "label stable taken back"]
    assert (update.applied, update.moved, update.registry.labels("imdb")) == (True, False, {"stable": 1})


def test_a_check_that_lasts_tells_where_it_is(update: Update, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.commands.common.progress._LINE_SECONDS", 0.02)
    with capture_logs() as lines:
        gone_through(update, {b"k1": 2, b"k2": 2}, monkeypatch)
    reported = [(line["phase"], line["sent"], line["unanswered"]) for line in lines if line["event"] == "checking"]
    assert {("before", 1, 0), ("after", 1, 0)} <= {*reported}


def test_an_update_that_all_workers_took_stays(update: Update, monkeypatch: pytest.MonkeyPatch) -> None:
    going, workers = gone_through(update, {b"k1": 2, b"k2": 2}, monkeypatch)
    assert (workers.started_with, going.reasons) == ([{"stable": 2}], [])
    assert (update.applied, update.moved) == (True, True)


def test_a_label_that_cannot_be_taken_back_does_not_end_the_check(
    update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise StopWorker("the store is away")

    monkeypatch.setattr(update, "undo", refuse)
    going, workers = gone_through(update, {b"k1": 1, b"k2": 1}, monkeypatch)
    assert (len(going.reasons), workers.started_with) == (1, [{"stable": 2}])
    assert update.standing().startswith("Label stable of imdb stands at version 2 now: ")
