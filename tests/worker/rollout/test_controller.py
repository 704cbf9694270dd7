"""Decisions change labels in a real store, and never over somebody else's head."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.commands.labels import why
from models.registry.registry import Registry
from tests.versions import NAME, add_version
from tests.worker.rollout.test_analysis import LATER, stats
from worker.observability.metrics import Metrics
from worker.offset_metadata import OffsetMetadata
from worker.rollout.analysis import Limits
from worker.rollout.controller import APPLY, OFF, RECOMMEND, RolloutController
from worker.rollout.stats import CanaryStats

CANARY = {"version": 2, "share": 0.1}


@pytest.fixture
def store(tmp_path: Path) -> Registry:
    """Version 1 is stable, version 2 the canary."""
    for _ in range(3):
        add_version(tmp_path)
    registry = Registry(tmp_path)
    registry.change_labels(NAME, {"stable": 1}, {"stable": 1, "canary": CANARY}, {"by": "person"})
    return registry


def controller(store: Any, mode: str = APPLY) -> RolloutController:
    return RolloutController(store, NAME, Limits(), mode, Metrics(), clock=lambda: LATER / 1000)


def metadata(*parts: CanaryStats) -> list[str]:
    return [OffsetMetadata(at=1).text(part.encodings()) for part in parts]


GOOD, BAD = stats(), stats(differed=1_500)


def test_a_good_canary_becomes_stable(store: Registry) -> None:
    controller(store).look(lambda: metadata(GOOD))
    assert store.labels(NAME) == {"stable": 2}
    last = store.history(NAME)[-1]
    assert (last["decision"], last["by"], last["applied"], last["figures"]["compared"]) == (
        "promote",
        "rule",
        True,
        2_000,
    )


def test_other_trials_of_both_versions_end_with_a_promotion(store: Registry) -> None:
    for shadow, left in ((2, {}), (1, {}), (3, {"shadow": {"version": 3, "share": 0.5}})):
        before = {"stable": 1, "canary": CANARY, "shadow": {"version": shadow, "share": 0.5}}
        store.change_labels(NAME, store.labels(NAME), before, {})
        controller(store).look(lambda: metadata(GOOD))
        assert store.labels(NAME) == {"stable": 2, **left}


def test_a_canary_that_is_taken_away_leaves_the_shadow(store: Registry) -> None:
    shadow = {"version": 2, "share": 0.5}
    store.change_labels(NAME, store.labels(NAME), store.labels(NAME) | {"shadow": shadow}, {})
    controller(store).look(lambda: metadata(BAD))
    assert store.labels(NAME) == {"stable": 1, "shadow": shadow}


def test_a_bad_canary_is_taken_away(store: Registry) -> None:
    controller(store).look(lambda: metadata(BAD))
    assert store.labels(NAME) == {"stable": 1}
    assert "75.0% of its sentiments differ" in store.history(NAME)[-1]["reasons"][0]


def test_the_signals_of_all_partitions_count_together(store: Registry) -> None:
    controller(store).look(lambda: metadata(stats(600)))
    assert "canary" in store.labels(NAME)
    controller(store).look(lambda: metadata(stats(600), stats(600)))
    assert store.labels(NAME) == {"stable": 2}


def test_signals_of_other_versions_decide_nothing(store: Registry) -> None:
    store.set_label(NAME, "canary", 3, 0.1)
    assert controller(store).look(lambda: metadata(BAD)) is None
    assert "canary" in store.labels(NAME)


def test_a_recommendation_changes_no_label_and_is_written_once(store: Registry) -> None:
    for _ in range(3):
        controller(store, RECOMMEND).look(lambda: metadata(GOOD))
    assert store.labels(NAME) == {"stable": 1, "canary": CANARY}
    reported = [entry for entry in store.history(NAME) if entry.get("decision") == "promote"]
    assert [entry["applied"] for entry in reported] == [False]


def test_it_can_be_switched_off(store: Registry) -> None:
    assert controller(store, OFF).look(lambda: metadata(BAD)) is None


def test_a_canary_that_cannot_be_loaded_is_taken_away(store: Registry) -> None:
    controller(store).look(lambda: metadata(stats(0, load_failure="model.onnx is not the file that was published")))
    assert store.labels(NAME) == {"stable": 1}
    assert "a worker cannot use it" in store.history(NAME)[-1]["reasons"][0]


def test_what_an_earlier_trial_of_the_same_version_showed_decides_nothing(store: Registry) -> None:
    store.set_label(NAME, "canary", 2, 0.1)
    assert controller(store).look(lambda: metadata(BAD)) is None
    assert "canary" in store.labels(NAME)


class Hurried:
    """A store in which a person changes the labels between a decider's look and its decision."""

    def __init__(self, store: Registry) -> None:
        self._store = store

    def labels(self, name: str) -> dict[str, Any]:
        before = self._store.labels(name)
        self._store.set_label(name, "stable", 3)
        return before

    def history(self, name: str) -> list[dict[str, Any]]:
        return self._store.history(name)

    def change_labels(self, name: str, expected: Any, labels: Any, entry: Mapping[str, Any]) -> None:
        self._store.change_labels(name, expected, labels, entry)


def test_a_person_in_between_is_never_overwritten(store: Registry) -> None:
    assert controller(Hurried(store)).look(lambda: metadata(GOOD)) is None
    assert store.labels(NAME) == {"stable": 3, "canary": CANARY}


def test_a_store_that_is_away_is_told_once(store: Registry, tmp_path: Path) -> None:
    (tmp_path / NAME / "labels.json").write_text("{")
    one = controller(store)
    with capture_logs() as logs:
        for _ in range(3):
            assert one.look(lambda: metadata(GOOD)) is None
    assert len(logs) == 1


def test_a_person_reads_figures_and_limits_apart(store: Registry) -> None:
    controller(store).look(lambda: metadata(BAD))
    shown = why(store.history(NAME)[-1]).splitlines()
    figures, limits = shown.index("figures:"), shown.index("limits:")
    assert "  differences: 0.75" in shown[figures:limits]
    assert "  differences: 0.2" in shown[limits:]
