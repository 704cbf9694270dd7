"""The label that a check moves, on real stores."""

from pathlib import Path

import pytest

from models.registry import Registry
from tests.models.remote import write_packaged
from tests.s3_server import Bucket
from worker.commands.rolling.update import Update
from worker.errors import StopWorker


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
