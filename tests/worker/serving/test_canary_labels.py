"""Labels of versions that are only tried: canary and shadow."""

import json
import time
from functools import partial
from pathlib import Path

import pytest

from models.artifact import MANIFEST_FILE, NETWORK_FILE
from models.errors import StoreError
from models.registry.registry import LABELS_FILE, Registry
from tests.versions import NAME, add_version, make_unreadable, truncate
from tests.worker.serving.watched import Watched
from worker.serving.routing import Experiment


def raise_(error: Exception) -> None:
    raise error


def test_canary_and_shadow_come_and_go_with_their_labels(watched: Watched) -> None:
    add_version(watched.store)
    watched.point(stable=1, canary={"version": 2, "share": 0.25}, shadow={"version": 3, "share": 1.0})
    active_versions = watched.watch.active_versions()
    assert active_versions.canary is not None
    assert active_versions.shadow is not None
    assert (
        active_versions.canary.scorer.version,
        active_versions.canary.fraction,
        active_versions.shadow.scorer.version,
    ) == (2, 0.25, 3)
    assert watched.in_use() == {"stable": "1", "canary": "2", "shadow": "3"}
    assert watched.value("trial_share_ratio", model="imdb", version="2", label="canary") == 0.25
    watched.point(stable=1)
    assert watched.watch.active_versions().canary is None
    assert watched.in_use() == {"stable": "1"}


def test_a_worker_that_starts_has_the_canary_from_its_first_record(tmp_path: Path) -> None:
    for _ in range(3):
        add_version(tmp_path)
    watched = Watched(tmp_path)
    labels = {"stable": 1, "canary": {"version": 2, "share": 0.5}, "shadow": {"version": 3, "share": 0.5}}
    (tmp_path / NAME / LABELS_FILE).write_text(json.dumps(labels))
    watched.watch.open()
    assert watched.in_use() == {"stable": "1", "canary": "2"}
    watched.watch.look()
    assert watched.in_use() == {"stable": "1", "canary": "2", "shadow": "3"}


def test_a_promoted_canary_is_not_loaded_again(watched: Watched) -> None:
    watched.point(stable=1, canary={"version": 2, "share": 0.5})
    watched.point(stable=2)
    assert watched.loads == [1, 2]
    assert watched.watch.active_versions().canary is None


def test_workers_of_another_label_have_no_canary(tmp_path: Path) -> None:
    for _ in range(2):
        add_version(tmp_path)
    watched = Watched(tmp_path, label="next")
    (tmp_path / NAME / LABELS_FILE).write_text('{"stable": 1, "next": 2, "canary": {"version": 1, "share": 1}}')
    watched.watch.open()
    assert watched.watch.active_versions().canary is None
    assert watched.in_use() == {"next": "2"}


def test_a_canary_that_cannot_be_used_leaves_all_to_the_stable_version(watched: Watched) -> None:
    truncate(watched.file(2, NETWORK_FILE))
    for seconds in (0, 30, 61):
        watched.now += seconds
        watched.point(stable=1, canary={"version": 2, "share": 0.5, "since": "noon"})
    active_versions = watched.watch.active_versions()
    assert active_versions.canary is None
    assert active_versions.load_failure is not None
    assert (active_versions.load_failure.version, active_versions.load_failure.since) == (2, "noon")
    assert watched.value("model_refused", model=NAME, version="2", label="canary") == 1


def test_a_store_that_is_away_is_no_fault_of_a_canary(watched: Watched) -> None:
    watched.while_loading = partial(raise_, StoreError("Cannot read the bucket."))
    for _ in range(3):
        watched.now += 100
        watched.point(stable=1, canary={"version": 2, "share": 0.5})
    assert watched.watch.active_versions().load_failure is None
    assert watched.value("model_refused", model=NAME, version="2", label="canary") == 1


@pytest.mark.parametrize("name", [NETWORK_FILE, MANIFEST_FILE])
def test_what_this_machine_cannot_read_is_no_fault_of_a_canary_either(watched: Watched, name: str) -> None:
    make_unreadable(watched.file(2, name))
    for _ in range(3):
        watched.now += 100
        watched.point(stable=1, canary={"version": 2, "share": 0.5})
    assert watched.watch.active_versions().load_failure is None
    assert watched.value("model_refused", model=NAME, version="2", label="canary") == 1


def test_a_canary_that_fails_in_service_is_out_at_once_and_stays_out(watched: Watched) -> None:
    labels = {"stable": 1, "canary": {"version": 2, "share": 0.5}}
    watched.point(**labels)
    watched.watch.quarantine(2, "its engine is broken")
    assert watched.watch.active_versions().canary is None
    watched.now += 1_000
    watched.point(**labels)
    load_failure = watched.watch.active_versions().load_failure
    assert load_failure is not None
    assert load_failure.reason == "its engine is broken"
    watched.point(stable=1)
    watched.point(**labels)
    assert watched.watch.active_versions().canary is not None


def test_a_trial_is_over_once_labels_that_were_read_later_do_not_name_it(watched: Watched) -> None:
    one, again = Experiment(1, 2, "noon"), Experiment(1, 2, "night")
    began = time.monotonic()
    watched.point(stable=1, canary={"version": 2, "share": 0.5, "since": "noon"})
    assert (watched.watch.is_over(one, began), watched.watch.is_over(again, began)) == (False, True)
    assert not watched.watch.is_over(again, time.monotonic()), "its label may have come since"
    watched.point(stable=1)
    assert watched.watch.is_over(one, began)


def test_a_store_that_cannot_be_read_ends_no_trial(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    monkeypatch.setattr(Registry, "away", "Cannot read the bucket.")
    watched.point(stable=1)
    assert not watched.watch.is_over(Experiment(1, 2), began), "what was said last may be older than the trial"
    monkeypatch.undo()
    watched.watch.look()
    assert watched.watch.is_over(Experiment(1, 2), began)
