"""What several of the worker's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.versions import add_version
from tests.worker.watched import Watched


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A store of two versions, of which the first one is stable and in use."""
    for _ in range(2):
        add_version(tmp_path)
    watched = Watched(tmp_path)
    watched.watch.open()
    yield watched
    watched.watch.close()
