"""The label that a check moves, on real stores."""

from pathlib import Path

import pytest

from models.registry.registry import Registry
from tests.models.keys import make_key, public
from tests.models.remote import write_packaged
from tests.s3_server import Bucket
from tests.versions import BREAKS
from worker.commands.rolling_check.update import Update
from worker.errors import StopWorker
from worker.settings.settings import Settings


def planned(registry: Registry) -> Update:
    """The update of a model's stable label from version 1 to version 2."""
    for _ in range(2):
        registry.publish("imdb", write_packaged)
    return Update.plan(registry, "imdb", "stable", "2")


def test_a_label_is_moved_and_moved_back(tmp_path: Path) -> None:
    update = planned(Registry(tmp_path))
    update.apply()
    assert (update.moved, update.registry.labels("imdb")) == (True, {"stable": 2})
    update.undo()
    assert (update.moved, update.registry.labels("imdb")) == (False, {"stable": 1})


def with_trials(tmp_path: Path, versions: int = 2, **trials: int) -> Update:
    """The same update where canary or shadow have versions, on trial since noon."""
    registry = Registry(tmp_path)
    for _ in range(versions):
        registry.publish("imdb", write_packaged)
    values = {label: {"version": version, "share": 0.3, "since": "noon"} for label, version in trials.items()}
    registry.change_labels("imdb", {"stable": 1}, {"stable": 1, **values}, {})
    return Update.plan(registry, "imdb", "stable", "2")


def test_a_trial_of_a_version_that_becomes_stable_ends_and_begins_anew_when_it_is_moved_back(tmp_path: Path) -> None:
    update = with_trials(tmp_path, canary=2)
    assert update.summary() == "label stable: 1 to 2, canary ends"
    update.apply()
    assert update.registry.labels("imdb") == {"stable": 2}
    update.undo()
    labels = update.registry.labels("imdb")
    assert (labels["stable"], labels["canary"]["version"], labels["canary"]["share"]) == (1, 2, 0.3)
    assert labels["canary"]["since"] > "2", "the old trial goes on"


def test_a_trial_that_somebody_sets_during_a_check_takes_the_place_of_the_ended_one(tmp_path: Path) -> None:
    update = with_trials(tmp_path, versions=3, canary=2)
    update.apply()
    update.registry.set_label("imdb", "canary", 3)
    update.undo()
    assert update.registry.labels("imdb")["canary"]["version"] == 3


def test_a_trial_of_a_third_version_goes_on(tmp_path: Path) -> None:
    update = with_trials(tmp_path, versions=3, shadow=3)
    before = update.registry.labels("imdb")
    update.apply()
    assert update.registry.labels("imdb") == before | {"stable": 2}
    update.undo()
    assert update.registry.labels("imdb") == before


def test_a_label_that_was_moved_without_an_answer_is_moved_back(own_bucket: Bucket, tmp_path: Path) -> None:
    update = planned(Registry(own_bucket.store, tmp_path, timeout_seconds=60))
    own_bucket.server.loses_answers = "labels.json"
    with pytest.raises(StopWorker, match=r"labels\.json"):
        update.apply()
    own_bucket.server.loses_answers = None
    assert update.registry.labels("imdb") == {"stable": 2}
    update.undo()
    assert update.registry.labels("imdb") == {"stable": 1}


def test_a_label_that_somebody_else_moved_stays_there(tmp_path: Path) -> None:
    update = planned(Registry(tmp_path))
    update.registry.set_label("imdb", "stable", 2)
    with pytest.raises(StopWorker, match="have changed meanwhile"):
        update.apply()
    update.undo()
    assert update.registry.labels("imdb") == {"stable": 2}


def test_where_the_label_stands_is_told_with_what_takes_it_back(tmp_path: Path) -> None:
    update = planned(Registry(tmp_path))
    assert update.standing() == ""
    update.apply()
    command = f"python -m models label imdb stable 1 --store {tmp_path}"
    assert update.standing() == f"Label stable of imdb stands at version 2 now: `{command}` takes it back."
    update.undo()
    assert update.standing() == "Label stable of imdb stands at version 1 again."
    update.registry.publish("imdb", write_packaged)
    update.registry.set_label("imdb", "stable", 3)
    assert update.standing() == "Label stable of imdb stands at version 3 now, where somebody else moved it."


def test_a_store_that_is_away_is_not_taken_to_say_where_the_label_stands(own_bucket: Bucket, tmp_path: Path) -> None:
    update = planned(Registry(own_bucket.store, tmp_path, timeout_seconds=5))
    update.apply()
    own_bucket.server.stop()
    assert update.standing().startswith("Label stable of imdb was moved to version 2, and the store does not say")


def test_the_store_is_not_named_where_the_command_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTIMENT_MODEL_STORE", str(tmp_path))
    update = planned(Registry(tmp_path))
    update.apply()
    assert "`python -m models label imdb stable 1` takes it back" in update.standing()


def test_a_version_that_a_worker_would_take_holds(tmp_path: Path) -> None:
    planned(Registry(tmp_path)).check(Settings(model_store=str(tmp_path), model_name="imdb"))


@pytest.mark.parametrize("broken", ["truncated", "golden set does not hold"])
def test_a_version_that_no_worker_would_take_is_refused(tmp_path: Path, broken: str) -> None:
    update = planned(Registry(tmp_path))
    BREAKS[broken](tmp_path / "imdb" / "2")
    with pytest.raises(
        StopWorker, match="no worker would take version 2 of imdb, so label stable stays at version 1: "
    ):
        update.check(Settings(model_store=str(tmp_path), model_name="imdb"))


def test_a_version_without_the_signature_that_is_asked_for_is_refused(tmp_path: Path) -> None:
    update = planned(Registry(tmp_path / "store"))
    settings = Settings(
        model_store=str(tmp_path / "store"), model_name="imdb", model_public_key_file=public(make_key(tmp_path, "ours"))
    )
    with pytest.raises(StopWorker, match="no worker would take version 2 of imdb"):
        update.check(settings)
