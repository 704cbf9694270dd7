"""Stores that are away, answer nonsense, or are of a kind that cannot be used."""

import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from models.errors import StoreError
from models.registry.registry import Registry
from models.scorer import Scorer
from tests.models.remote import PACKAGED, Open, write_packaged
from tests.s3_server import Bucket


class NothingHere(BaseHTTPRequestHandler):
    """Answers 404 to everything, as a proxy does."""

    def do_GET(self) -> None:
        self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - the base class calls it by this name

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


def test_a_store_that_is_away_is_served_from_what_was_seen_last(own_bucket: Bucket, remote: Open) -> None:
    remote(own_bucket).publish("imdb", write_packaged)
    remote(own_bucket).labels("imdb")
    own_bucket.server.stop()
    registry = remote(own_bucket)
    assert Scorer.load(registry.resolve("imdb").path).version == 1
    assert registry.versions("imdb") == [1]
    assert registry.away
    assert own_bucket.store in registry.away


def test_a_store_that_is_away_and_was_never_seen_is_a_store_error(own_bucket: Bucket, remote: Open) -> None:
    own_bucket.server.stop()
    for ask in ("labels", "versions", "resolve", "history"):
        with pytest.raises(StoreError, match=r"^Cannot read s3://.*: Could not connect.*\.$"):
            getattr(remote(own_bucket), ask)("imdb")
    with pytest.raises(StoreError, match="Cannot"):
        remote(own_bucket).publish("imdb", write_packaged)


def test_a_store_that_does_not_answer_is_given_up_in_time(
    aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        registry, start = Registry("s3://bucket/models", tmp_path, timeout_seconds=0.5), time.monotonic()
        with pytest.raises(StoreError, match="Cannot read"):
            registry.labels("imdb")
        assert time.monotonic() - start < 5


def test_a_web_server_that_is_no_store_is_away_and_not_empty(
    aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HTTPServer(("127.0.0.1", 0), NothingHere) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(StoreError, match="Not Found"):
            Registry("s3://bucket/models", tmp_path).labels("imdb")
        server.shutdown()


def test_a_store_that_answers_again_is_not_away(own_bucket: Bucket, remote: Open) -> None:
    registry = remote(own_bucket)
    registry.publish("imdb", write_packaged)
    seen = registry.labels("imdb")
    own_bucket.deny("s3:GetObject")
    assert registry.labels("imdb") == seen
    assert registry.away
    own_bucket.deny("s3:DeleteBucket")
    assert registry.labels("imdb") == {"stable": 1}
    assert registry.away is None


def test_a_bucket_that_is_not_there_is_said(bucket: Bucket, tmp_path: Path) -> None:
    registry = Registry("s3://no-such-bucket/models", tmp_path)
    for ask in (registry.names, lambda: registry.labels("imdb"), lambda: registry.publish("imdb", write_packaged)):
        with pytest.raises(StoreError, match="bucket does not exist"):
            ask()


def test_other_file_systems_are_read_and_not_written(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(PACKAGED), "/shop/imdb/1", recursive=True)
    memory.pipe_file("/shop/imdb/labels.json", b'{"stable": 1}')
    registry = Registry("memory://shop", tmp_path)
    assert Scorer.load(registry.resolve("imdb").path).version == 1
    with pytest.raises(StoreError, match="only of s3:// and gs://"):
        registry.set_label("imdb", "champion", 1)


def test_a_file_url_is_a_directory(tmp_path: Path) -> None:
    registry = Registry(f"file://{tmp_path}")
    registry.publish("imdb", write_packaged)
    assert registry.resolve("imdb").path == tmp_path / "imdb" / "1"


def test_a_kind_of_store_that_nobody_knows_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Protocol not known"):
        Registry("nonsense://shop", tmp_path).names()


@pytest.mark.parametrize("missing", ["fsspec.core", "s3fs"])
def test_what_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(StoreError, match=r"pip install '\.\[stores\]'"):
        Registry("s3://bucket/models", tmp_path).names()


def test_no_thread_outlives_an_answered_call(bucket: Bucket, remote: Open) -> None:
    remote(bucket).publish("imdb", write_packaged)
    assert [each for each in threading.enumerate() if each.name == "store"] == []
