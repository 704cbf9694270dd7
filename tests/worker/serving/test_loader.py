"""Versions from the store that the settings choose."""

import os
from pathlib import Path

import pytest

from models.artifact import VOCABULARY_FILE
from models.errors import StoreError
from models.registry.registry import Registry
from models.timing import never_yield
from tests.versions import NAME, add_version
from worker.serving.loader import open_loader
from worker.settings.settings import Settings


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    """A file of version 2 that is never read to its end: what a mount does when its server is gone."""
    for _ in range(2):
        add_version(tmp_path)
    file = tmp_path / NAME / "2" / VOCABULARY_FILE
    file.unlink()
    os.mkfifo(file)
    return file


def test_a_version_that_hangs_is_given_up(hanging: Path, tmp_path: Path) -> None:
    load = open_loader(Settings(model_name=NAME), Registry(tmp_path), seconds=2)
    assert load(1, never_yield).version == 1
    try:
        with pytest.raises(StoreError, match=r"^Version 2 of imdb cannot be read: no answer within 2 s\.$"):
            load(2, never_yield)
        with pytest.raises(StoreError, match=r"an earlier call still has no answer\.$"):
            load(2, never_yield)
    finally:
        os.close(os.open(hanging, os.O_WRONLY))
