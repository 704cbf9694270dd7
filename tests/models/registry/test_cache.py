"""Copies of versions on this machine: when one is thrown away, and when it stays."""

import os
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.errors import StoreError
from models.registry.cache import VersionCache
from tests.models.remote import PACKAGED


@pytest.fixture
def cache(tmp_path: Path) -> VersionCache:
    """A cache with one sound copy."""
    cache = VersionCache(tmp_path)
    cache.add("imdb", 1, lambda directory: shutil.copytree(PACKAGED, directory, dirs_exist_ok=True))
    return cache


def unused_for(cache: VersionCache, hours: int, *versions: int) -> None:
    """Copies that were used so long ago."""
    for version in versions:
        path = cache.directory / "imdb" / str(version)
        path.mkdir(exist_ok=True)
        os.utime(path, (time.time() - hours * 3600,) * 2)


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open no file: it has as many open as it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_copy_that_cannot_be_read_just_now_stays(cache: VersionCache) -> None:
    with no_more_files(), pytest.raises(StoreError, match="Too many open files"):
        cache.get("imdb", 1)
    assert cache.get("imdb", 1) == cache.directory / "imdb" / "1"


def test_a_file_that_cannot_be_read_just_now_stays(cache: VersionCache) -> None:
    path = cache.directory / "imdb" / "1" / "vocabulary.txt"
    path.rename(path.with_name("elsewhere"))
    path.mkdir()
    with pytest.raises(StoreError, match=r"vocabulary\.txt: Is a directory"):
        cache.get("imdb", 1)
    path.rmdir()
    path.with_name("elsewhere").rename(path)
    assert cache.get("imdb", 1)


@pytest.mark.parametrize("content", [b"other", None])
def test_a_copy_that_is_damaged_is_thrown_away(cache: VersionCache, content: bytes | None) -> None:
    path = cache.directory / "imdb" / "1" / "vocabulary.txt"
    path.write_bytes(content) if content else path.unlink()
    assert cache.get("imdb", 1) is None
    assert cache.versions("imdb") == []


def test_old_copies_go_but_for_the_wanted_and_the_two_newest(cache: VersionCache) -> None:
    unused_for(cache, 25, 1, 2, 3, 4, 5, 6)
    cache.keep_only("imdb", {2})
    assert cache.versions("imdb") == [2, 5, 6]


def test_a_copy_that_was_used_within_a_day_stays(cache: VersionCache) -> None:
    unused_for(cache, 23, 2)
    unused_for(cache, 25, 1, 3, 4, 5)
    assert cache.get("imdb", 1)
    cache.keep_only("imdb", ())
    assert cache.versions("imdb") == [1, 2, 4, 5]
