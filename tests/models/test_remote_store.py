"""Stores behind s3://, on a real S3 server."""

import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from models.__main__ import main
from models.artifact import read_manifest, write_manifest
from models.errors import BrokenArtifact, LabelsChanged, ModelNotFound, StoreError
from models.registry import Registry
from models.scorer import Scorer
from models.signatures import read_private_key, read_public_keys, signature_of
from tests.models.keys import make_key, public

PACKAGED = Registry().resolve("imdb@1").path
VERDICT = {"verdict": "promote", "numbers": {"agreement": 0.98}}


def write_packaged(directory: Path, version: int) -> None:
    """The packaged version, under another number."""
    shutil.copytree(PACKAGED, directory, dirs_exist_ok=True)
    write_manifest(directory, replace(read_manifest(PACKAGED), version=version))


class NothingHere(BaseHTTPRequestHandler):
    """Answers 404 to everything, as a proxy does."""

    def do_GET(self) -> None:
        self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - the base class calls it by this name

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def remote(tmp_path: Path) -> Callable[[Any], Registry]:
    """Makes registries of a bucket's store, all of which share one cache, as processes of one machine do."""
    return lambda bucket: Registry(bucket.store, tmp_path / "cache", timeout_seconds=60)


def cached(tmp_path: Path, name: str) -> Path:
    """The one file of that name in the cache."""
    (path,) = (tmp_path / "cache").rglob(name)
    return path


def test_a_published_version_is_listed_resolved_and_scores(bucket: Any, remote: Any) -> None:
    assert remote(bucket).publish("imdb", write_packaged).version == 1
    registry = remote(bucket)
    assert (registry.names(), registry.versions("imdb"), registry.labels("imdb")) == (["imdb"], [1], {"stable": 1})
    assert Scorer.load(registry.resolve("imdb").path).version == 1
    assert registry.away is None


def test_what_no_worker_needs_is_not_fetched(bucket: Any, remote: Any) -> None:
    path = remote(bucket).publish("imdb", write_packaged).path
    assert "imdb/1/model.keras" in bucket.paths()
    assert not (path / "model.keras").exists()
    assert (path / "weights.npz").exists()


def test_the_manifest_is_uploaded_last(bucket: Any, remote: Any) -> None:
    bucket.write("imdb/1/model.onnx", b"half")
    registry = remote(bucket)
    assert registry.versions("imdb") == []
    with pytest.raises(ModelNotFound):
        registry.resolve("imdb@1")
    assert registry.publish("imdb", write_packaged).version == 2
    assert bucket.read("imdb/1/model.onnx") == b"half"


def test_publishers_at_once_get_different_numbers_and_whole_versions(bucket: Any, remote: Any) -> None:
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda _: remote(bucket).publish("imdb", write_packaged).version, range(4)))
    registry = remote(bucket)
    assert sorted(versions) == registry.versions("imdb")
    assert len(set(versions)) == 4
    for version in versions:
        Scorer.load(registry.resolve(f"imdb@{version}").path)


def test_labels_change_only_from_what_was_seen(bucket: Any, remote: Any) -> None:
    registry = remote(bucket)
    for _ in range(2):
        registry.publish("imdb", write_packaged)
    registry.change_labels("imdb", {"stable": 1}, {"stable": 2}, VERDICT)
    with pytest.raises(LabelsChanged):
        registry.change_labels("imdb", {"stable": 1}, {"stable": 1}, VERDICT)
    assert [each["labels"] for each in remote(bucket).history("imdb")] == [{"stable": 1}, {"stable": 2}]


def test_of_many_that_change_the_same_labels_at_once_one_wins(bucket: Any, remote: Any) -> None:
    remote(bucket).publish("imdb", write_packaged)

    def change(number: int) -> bool:
        labels = {"stable": 1, f"label-{number}": 1}
        try:
            remote(bucket).change_labels("imdb", {"stable": 1}, labels, VERDICT)
        except LabelsChanged:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(change, range(6))) == 1
    assert [each["took_effect"] for each in remote(bucket).history("imdb")] == [True, True]


def test_people_who_set_different_labels_at_once_all_succeed(bucket: Any, remote: Any) -> None:
    remote(bucket).publish("imdb", write_packaged)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: remote(bucket).set_label("imdb", f"label-{number}", 1), range(4)))
    assert set(remote(bucket).labels("imdb")) == {"stable", *(f"label-{number}" for number in range(4))}


def test_a_store_that_is_away_is_served_from_what_was_seen_last(own_bucket: Any, remote: Any) -> None:
    remote(own_bucket).publish("imdb", write_packaged)
    remote(own_bucket).labels("imdb")
    own_bucket.server.stop()
    registry = remote(own_bucket)
    assert Scorer.load(registry.resolve("imdb").path).version == 1
    assert registry.versions("imdb") == [1]
    assert registry.away
    assert own_bucket.store in registry.away


def test_a_store_that_is_away_and_was_never_seen_is_a_store_error(own_bucket: Any, remote: Any) -> None:
    own_bucket.server.stop()
    for ask in ("labels", "versions", "resolve", "history"):
        with pytest.raises(StoreError, match=r"^Cannot read s3://.*: Could not connect.*\.$"):
            getattr(remote(own_bucket), ask)("imdb")
    with pytest.raises(StoreError, match="Cannot"):
        remote(own_bucket).publish("imdb", write_packaged)


def test_labels_are_never_changed_from_what_was_seen_last(own_bucket: Any, remote: Any) -> None:
    remote(own_bucket).publish("imdb", write_packaged)
    assert remote(own_bucket).labels("imdb") == {"stable": 1}
    own_bucket.server.stop()
    with pytest.raises(StoreError):
        remote(own_bucket).set_label("imdb", "canary", 1)


def test_a_store_that_does_not_answer_is_given_up_in_time(aws: None, tmp_path: Path, monkeypatch: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        registry, start = Registry("s3://bucket/models", tmp_path, timeout_seconds=0.5), time.monotonic()
        with pytest.raises(StoreError, match="Cannot read"):
            registry.labels("imdb")
        assert time.monotonic() - start < 5


def test_a_web_server_that_is_no_store_is_away_and_not_empty(aws: None, tmp_path: Path, monkeypatch: Any) -> None:
    with HTTPServer(("127.0.0.1", 0), NothingHere) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(StoreError, match="Not Found"):
            Registry("s3://bucket/models", tmp_path).labels("imdb")
        server.shutdown()


def test_a_store_that_answers_again_is_not_away(own_bucket: Any, remote: Any) -> None:
    registry = remote(own_bucket)
    registry.publish("imdb", write_packaged)
    seen = registry.labels("imdb")
    own_bucket.deny("s3:GetObject")
    assert registry.labels("imdb") == seen
    assert registry.away
    own_bucket.deny("s3:DeleteBucket")
    assert registry.labels("imdb") == {"stable": 1}
    assert registry.away is None


@pytest.mark.parametrize("name", ["model.onnx", "weights.npz", "vocabulary.txt", "golden.jsonl"])
def test_a_file_changed_in_the_bucket_is_never_used(bucket: Any, remote: Any, tmp_path: Path, name: str) -> None:
    remote(bucket).publish("imdb", write_packaged)
    shutil.rmtree(tmp_path / "cache")
    bucket.write(f"imdb/1/{name}", bucket.read(f"imdb/1/{name}")[:-1] + b"?")
    with pytest.raises(BrokenArtifact, match=rf"s3://.*/{name} is not the file that was published"):
        remote(bucket).resolve("imdb")
    assert list((tmp_path / "cache").rglob(name)) == []


def test_a_file_missing_in_the_bucket_is_never_used(bucket: Any, remote: Any, tmp_path: Path) -> None:
    remote(bucket).publish("imdb", write_packaged)
    shutil.rmtree(tmp_path / "cache")
    bucket.delete("imdb/1/weights.npz")
    with pytest.raises(BrokenArtifact, match=r"weights\.npz is missing"):
        remote(bucket).resolve("imdb")


def test_a_version_copied_under_another_number_is_refused(bucket: Any, remote: Any) -> None:
    remote(bucket).publish("imdb", write_packaged)
    for key in [key for key in bucket.paths() if key.startswith("imdb/1/")]:
        bucket.write(key.replace("/1/", "/2/"), bucket.read(key))
    with pytest.raises(BrokenArtifact, match="is that of imdb version 1"):
        remote(bucket).resolve("imdb@2")


def test_a_manifest_cannot_write_outside_of_the_cache(bucket: Any, remote: Any, tmp_path: Path) -> None:
    manifest = read_manifest(PACKAGED)
    files = manifest.files | {"../../../escaped": manifest.files["model.onnx"]}
    write_manifest(tmp_path, replace(manifest, files=files))
    bucket.write("imdb/1/manifest.json", (tmp_path / "manifest.json").read_bytes())
    with pytest.raises(BrokenArtifact, match="outside"):
        remote(bucket).resolve("imdb@1")


def test_a_damaged_copy_is_fetched_again(bucket: Any, remote: Any, tmp_path: Path) -> None:
    remote(bucket).publish("imdb", write_packaged)
    cached(tmp_path, "weights.npz").write_bytes(b"damaged")
    Scorer.load(remote(bucket).resolve("imdb").path)


def test_processes_that_fetch_one_version_at_once_share_one_copy(bucket: Any, remote: Any, tmp_path: Path) -> None:
    remote(bucket).publish("imdb", write_packaged)
    shutil.rmtree(tmp_path / "cache")
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: remote(bucket).resolve("imdb").path, range(4)))
    assert len(paths) == 1
    assert cached(tmp_path, "model.onnx").parent in paths


def test_a_cached_version_is_used_without_asking_for_its_files(bucket: Any, remote: Any) -> None:
    remote(bucket).publish("imdb", write_packaged)
    bucket.delete("imdb/1/model.onnx")
    Scorer.load(remote(bucket).resolve("imdb@1").path)


def test_malformed_labels_are_named_and_not_remembered(bucket: Any, remote: Any) -> None:
    remote(bucket).publish("imdb", write_packaged)
    bucket.write("imdb/labels.json", b'{"canary": 1}')
    with pytest.raises(StoreError, match=r"s3://.*/imdb/labels\.json gives the label canary no share"):
        remote(bucket).labels("imdb")


def test_access_denied_is_said(bucket: Any, remote: Any) -> None:
    remote(bucket).publish("imdb", write_packaged)
    bucket.deny("s3:PutObject")
    with pytest.raises(StoreError, match=r"Cannot write s3://.*: .*(Forbidden|Denied)"):
        remote(bucket).set_label("imdb", "champion", 1)


def test_a_bucket_that_is_not_there_is_said(bucket: Any, tmp_path: Path) -> None:
    registry = Registry("s3://no-such-bucket/models", tmp_path)
    for ask in (registry.names, lambda: registry.labels("imdb"), lambda: registry.publish("imdb", write_packaged)):
        with pytest.raises(StoreError, match="bucket does not exist"):
            ask()


def test_a_model_that_is_not_there_is_not_found(bucket: Any, remote: Any) -> None:
    remote(bucket).publish("imdb", write_packaged)
    for reference in ("nope", "imdb@7", "imdb@canary"):
        with pytest.raises(ModelNotFound):
            remote(bucket).resolve(reference)


def test_a_store_that_ignores_conditions_is_not_written_to(own_bucket: Any, remote: Any) -> None:
    remote(own_bucket).publish("imdb", write_packaged)
    own_bucket.server.forgets_conditions = True
    with pytest.raises(StoreError, match="ignores the conditions"):
        remote(own_bucket).set_label("imdb", "champion", 1)
    assert remote(own_bucket).labels("imdb") == {"stable": 1}


def test_other_file_systems_are_read_and_not_written(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(str(PACKAGED), "/shop/imdb/1", recursive=True)
    memory.pipe_file("/shop/imdb/labels.json", b'{"stable": 1}')
    registry = Registry("memory://shop", tmp_path)
    assert Scorer.load(registry.resolve("imdb").path).version == 1
    with pytest.raises(StoreError, match="only of s3://"):
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
    with pytest.raises(StoreError, match=r"pip install 'kafka-sentiment\[stores\]'"):
        Registry("s3://bucket/models", tmp_path).names()


def test_a_version_signed_after_it_was_fetched_is_signed_here_too(bucket: Any, remote: Any, tmp_path: Path) -> None:
    registry, key = remote(bucket), make_key(tmp_path, "ours")
    resolved = registry.publish("imdb", write_packaged)
    signature = signature_of((resolved.path / "manifest.json").read_bytes(), read_private_key(key))
    registry.add_signature(resolved, signature)
    Scorer.load_version(remote(bucket).resolve("imdb"), public_keys=read_public_keys(public(key)))


def test_a_signed_version_is_fetched_with_its_signature(bucket: Any, remote: Any, tmp_path: Path) -> None:
    key = make_key(tmp_path, "ours")

    def write_signed(directory: Path, version: int) -> None:
        write_packaged(directory, version)
        manifest = (directory / "manifest.json").read_bytes()
        (directory / "manifest.json.sig").write_bytes(signature_of(manifest, read_private_key(key)))

    Scorer.load(remote(bucket).publish("imdb", write_signed).path, public_keys=read_public_keys(public(key)))


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `python -m models` with a cache of its own: status, standard output and standard error."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return lambda *arguments: (main(arguments), *capsys.readouterr())


def test_verify_looks_at_the_store_and_not_at_a_copy(bucket: Any, command: Any) -> None:
    Registry(bucket.store).publish("imdb", write_packaged)
    assert command("verify", "imdb", "--store", bucket.store)[0] == 0
    bucket.write("imdb/1/vocabulary.txt", b"good\n")
    status, _, err = command("verify", "imdb", "--store", bucket.store)
    assert status == 1
    assert "vocabulary.txt is not the file that was published" in err


def test_the_commands_work_on_a_bucket(bucket: Any, command: Any, tmp_path: Path) -> None:
    Registry(bucket.store).publish("imdb", write_packaged)
    key = make_key(tmp_path, "ours")
    for arguments in (
        ("sign", "imdb@1", "--key", str(key)),
        ("verify", "imdb@1", "--public-key", str(public(key))),
        ("label", "imdb", "canary", "1", "--share", "0.2"),
        ("list",),
        ("show", "imdb@canary"),
        ("history", "imdb"),
    ):
        assert command(*arguments, "--store", bucket.store)[0] == 0, arguments


def test_a_command_says_that_the_store_is_away(own_bucket: Any, command: Any) -> None:
    Registry(own_bucket.store).publish("imdb", write_packaged)
    assert command("score", "good", "--model", "imdb", "--store", own_bucket.store)[2] == ""
    own_bucket.server.stop()
    status, out, err = command("score", "good", "--model", "imdb", "--json", "--store", own_bucket.store)
    assert status == 0
    assert '"version": 1' in out
    assert err.endswith("Version 1 is the one seen last.\n")


def test_no_thread_outlives_an_answered_call(bucket: Any, remote: Any) -> None:
    remote(bucket).publish("imdb", write_packaged)
    assert [each for each in threading.enumerate() if each.name == "store"] == []
