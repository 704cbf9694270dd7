"""Stores in directories that hang, as a mount does whose server has gone."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.errors import StoreError
from models.registry.local import locked
from models.registry.registry import Registry


def write_something(directory: Path, version: int) -> None:
    (directory / "manifest.json").write_text(f"version {version}")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    Registry(tmp_path).publish("imdb", write_something)
    return Registry(tmp_path, timeout_seconds=0.5)


@pytest.fixture
def hanging(registry: Registry) -> Iterator[Path]:
    """A labels.json that hangs whoever opens it, until the end of the test: a pipe that nobody writes to."""
    path = Path(registry.store) / "imdb" / "labels.json"
    path.unlink()
    os.mkfifo(path)
    yield path
    answer(path)


def answer(path: Path) -> None:
    """Lets all who hang on a pipe go on; what they read is nothing."""
    os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))


def waiting() -> int:
    return sum(each.name == "store" for each in threading.enumerate())


@pytest.mark.parametrize("ask", ["labels", "resolve", "history"])
def test_a_store_that_hangs_is_given_up_in_time(registry: Registry, hanging: Path, ask: str) -> None:
    start = time.monotonic()
    with pytest.raises(StoreError, match=rf"^Cannot read {hanging}: no answer within 0\.5 s\.$"):
        getattr(registry, ask)("imdb")
    assert time.monotonic() - start < 5


def test_labels_are_not_changed_in_a_store_that_hangs(registry: Registry, hanging: Path) -> None:
    with pytest.raises(StoreError, match="no answer"):
        registry.set_label("imdb", "champion", 1)
    with pytest.raises(StoreError, match="an earlier call still has no answer"):
        registry.change_labels("imdb", {"stable": 1}, {"stable": 1}, {})


def test_a_store_that_hangs_holds_one_thread_however_often_it_is_asked(registry: Registry, hanging: Path) -> None:
    before = waiting()
    for _ in range(20):
        with pytest.raises(StoreError):
            registry.labels("imdb")
    assert waiting() == before + 1


def test_a_store_that_answers_again_is_used_again(registry: Registry, hanging: Path) -> None:
    with pytest.raises(StoreError):
        registry.labels("imdb")
    (hanging.parent / "new").write_text('{"stable": 1}')
    with os.fdopen(os.open(hanging, os.O_RDWR | os.O_NONBLOCK)):
        (hanging.parent / "new").replace(hanging)
    deadline = time.monotonic() + 10
    while waiting() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert registry.labels("imdb") == {"stable": 1}


def test_a_lock_that_others_keep_is_given_up_in_time(registry: Registry) -> None:
    with (
        locked(Path(registry.store) / "imdb" / ".labels.lock"),
        pytest.raises(StoreError, match=r"Cannot write .*: another process has held .*labels\.lock for 0\.5 s\.$"),
    ):
        registry.set_label("imdb", "champion", 1)
    registry.set_label("imdb", "champion", 1)
    assert registry.labels("imdb") == {"stable": 1, "champion": 1}
