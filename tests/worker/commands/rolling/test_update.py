"""The label that a check moves, on real stores."""

from pathlib import Path

import pytest

from models.registry import Registry
from tests.models.keys import make_key, public
from tests.models.remote import write_packaged
from tests.s3_server import Bucket
from tests.versions import BREAKS
from worker.commands.rolling.update import Update
from worker.errors import StopWorker
from worker.settings import Settings


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
