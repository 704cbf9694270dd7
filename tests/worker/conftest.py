"""What several of the worker's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.registry.registry import Registry
from models.scorer import Scorer
from tests.versions import add_version
from tests.worker.clock import Clock
from tests.worker.serving.watched import Watched
from tests.worker.stream import Stream


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    """A real model, the smallest for films."""
    return Scorer.load(Registry().resolve("imdb").path, verify=False)


@pytest.fixture
def stream(scorer: Scorer) -> Stream:
    """A worker's pipeline on a Kafka in memory."""
    return Stream(scorer)


@pytest.fixture
def clock() -> Clock:
    """One that the test moves."""
    return Clock()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A store of two versions, of which the first one is stable and in use."""
    for _ in range(2):
        add_version(tmp_path)
    watched = Watched(tmp_path)
    watched.watch.open()
    yield watched
    watched.watch.close()
