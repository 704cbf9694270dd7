"""`python -m models` on a store behind s3://."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from models.__main__ import main
from models.registry.cache import default_cache
from models.registry.registry import Registry
from tests.models.keys import make_key, public
from tests.models.remote import write_packaged
from tests.s3_server import Bucket


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `python -m models` with a cache of its own: status, standard output and standard error."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return lambda *arguments: (main(arguments), *capsys.readouterr())


def test_verify_looks_at_the_store_and_not_at_a_copy(bucket: Bucket, command: Any) -> None:
    Registry(bucket.store).publish("imdb", write_packaged)
    assert command("verify", "imdb", "--store", bucket.store)[0] == 0
    bucket.write("imdb/1/vocabulary.txt", b"good\n")
    status, _, err = command("verify", "imdb", "--store", bucket.store)
    assert status == 1
    assert "vocabulary.txt is not the file that was published" in err


def test_the_commands_work_on_a_bucket(bucket: Bucket, command: Any, tmp_path: Path) -> None:
    for _ in range(2):
        Registry(bucket.store).publish("imdb", write_packaged)
    key = make_key(tmp_path, "ours")
    for arguments in (
        ("sign", "imdb@1", "--key", str(key)),
        ("verify", "imdb@1", "--public-key", str(public(key))),
        ("label", "imdb", "canary", "2", "--share", "0.2"),
        ("list",),
        ("show", "imdb@canary"),
        ("history", "imdb"),
    ):
        assert command(*arguments, "--store", bucket.store)[0] == 0, arguments


def test_a_version_that_does_not_hold_in_the_bucket_is_not_labelled(bucket: Bucket, command: Any) -> None:
    for _ in range(2):
        Registry(bucket.store).publish("imdb", write_packaged)
    shutil.rmtree(default_cache())  # publishing leaves a copy, and another machine has none
    bucket.write("imdb/2/vocabulary.txt", b"good\n")
    status, _, err = command("label", "imdb", "stable", "2", "--store", bucket.store)
    assert (status, err.count("\n")) == (1, 1)
    assert "vocabulary.txt is not the file that was published" in err
    assert Registry(bucket.store).labels("imdb") == {"stable": 1}


def test_a_command_says_that_the_store_is_away(own_bucket: Bucket, command: Any) -> None:
    Registry(own_bucket.store).publish("imdb", write_packaged)
    assert command("score", "good", "--model", "imdb", "--store", own_bucket.store)[2] == ""
    own_bucket.server.stop()
    status, out, err = command("score", "good", "--model", "imdb", "--json", "--store", own_bucket.store)
    assert status == 0
    assert '"version": 1' in out
    assert err.endswith("Version 1 is the one seen last.\n")
