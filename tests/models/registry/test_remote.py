"""Versions behind s3://, on a real S3 server: published, fetched, checked."""

import os
import pwd
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from models.artifact import read_manifest, write_manifest
from models.errors import BrokenArtifact, ModelNotFound, StoreError
from models.registry.registry import Registry
from models.scorer import Scorer
from models.signatures import read_private_key, read_public_keys, signature_of
from tests.models.keys import make_key, public
from tests.models.remote import PACKAGED, Open, write_packaged
from tests.s3_server import Bucket


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home directory, as containers have that run under any number."""
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)


def cached(tmp_path: Path, name: str) -> Path:
    """The one file of that name in the cache."""
    (path,) = (tmp_path / "cache").rglob(name)
    return path


def test_a_published_version_is_listed_resolved_and_scores(bucket: Bucket, remote: Open) -> None:
    assert remote(bucket).publish("imdb", write_packaged).version == 1
    registry = remote(bucket)
    assert (registry.names(), registry.versions("imdb"), registry.labels("imdb")) == (["imdb"], [1], {"stable": 1})
    assert Scorer.load(registry.resolve("imdb").path).version == 1
    assert registry.away is None


def test_what_no_worker_needs_is_not_fetched(bucket: Bucket, remote: Open) -> None:
    path = remote(bucket).publish("imdb", write_packaged).path
    assert "imdb/1/model.keras" in bucket.paths()
    assert not (path / "model.keras").exists()
    assert (path / "weights.npz").exists()


def test_the_manifest_is_uploaded_last(bucket: Bucket, remote: Open) -> None:
    bucket.write("imdb/1/model.onnx", b"half")
    registry = remote(bucket)
    assert registry.versions("imdb") == []
    with pytest.raises(ModelNotFound):
        registry.resolve("imdb@1")
    assert registry.publish("imdb", write_packaged).version == 2
    assert bucket.read("imdb/1/model.onnx") == b"half"


def test_publishers_at_once_get_different_numbers_and_whole_versions(bucket: Bucket, remote: Open) -> None:
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda _: remote(bucket).publish("imdb", write_packaged).version, range(4)))
    registry = remote(bucket)
    assert sorted(versions) == registry.versions("imdb")
    assert len(set(versions)) == 4
    for version in versions:
        Scorer.load(registry.resolve(f"imdb@{version}").path)


@pytest.mark.parametrize("name", ["model.onnx", "weights.npz", "vocabulary.txt", "golden.jsonl"])
def test_a_file_changed_in_the_bucket_is_never_used(bucket: Bucket, remote: Open, tmp_path: Path, name: str) -> None:
    remote(bucket).publish("imdb", write_packaged)
    shutil.rmtree(tmp_path / "cache")
    bucket.write(f"imdb/1/{name}", bucket.read(f"imdb/1/{name}")[:-1] + b"?")
    with pytest.raises(BrokenArtifact, match=rf"s3://.*/{name} is not the file that was published"):
        remote(bucket).resolve("imdb")
    assert list((tmp_path / "cache").rglob(name)) == []


def test_what_does_not_hold_is_not_fetched_again(bucket: Bucket, remote: Open, tmp_path: Path) -> None:
    remote(bucket).publish("imdb", write_packaged)
    shutil.rmtree(tmp_path / "cache")
    bucket.write("imdb/1/vocabulary.txt", b"good\n")
    registry = remote(bucket)
    with pytest.raises(BrokenArtifact, match="is not the file that was published"):
        registry.resolve("imdb@1")
    bucket.deny("s3:GetObject")
    with pytest.raises(BrokenArtifact, match="is not the file that was published"):
        registry.resolve("imdb@1")


def test_what_did_not_hold_is_fetched_once_it_was_mended(bucket: Bucket, remote: Open, tmp_path: Path) -> None:
    remote(bucket).publish("imdb", write_packaged)
    shutil.rmtree(tmp_path / "cache")
    sound = bucket.read("imdb/1/vocabulary.txt")
    bucket.write("imdb/1/vocabulary.txt", sound[:-1] + b"?")  # of the same size
    registry = remote(bucket)
    with pytest.raises(BrokenArtifact):
        registry.resolve("imdb@1")
    bucket.write("imdb/1/vocabulary.txt", sound)
    Scorer.load(registry.resolve("imdb@1").path)


def test_a_file_missing_in_the_bucket_is_never_used(bucket: Bucket, remote: Open, tmp_path: Path) -> None:
    remote(bucket).publish("imdb", write_packaged)
    shutil.rmtree(tmp_path / "cache")
    bucket.delete("imdb/1/weights.npz")
    with pytest.raises(BrokenArtifact, match=r"weights\.npz is missing"):
        remote(bucket).resolve("imdb")


def test_a_version_copied_under_another_number_is_refused(bucket: Bucket, remote: Open) -> None:
    remote(bucket).publish("imdb", write_packaged)
    for key in [key for key in bucket.paths() if key.startswith("imdb/1/")]:
        bucket.write(key.replace("/1/", "/2/"), bucket.read(key))
    with pytest.raises(BrokenArtifact, match="is that of imdb version 1"):
        remote(bucket).resolve("imdb@2")


def test_a_manifest_cannot_write_outside_of_the_cache(bucket: Bucket, remote: Open, tmp_path: Path) -> None:
    manifest = read_manifest(PACKAGED)
    files = manifest.files | {"../../../escaped": manifest.files["model.onnx"]}
    write_manifest(tmp_path, replace(manifest, files=files))
    bucket.write("imdb/1/manifest.json", (tmp_path / "manifest.json").read_bytes())
    with pytest.raises(BrokenArtifact, match="outside"):
        remote(bucket).resolve("imdb@1")


def test_a_damaged_copy_is_fetched_again(bucket: Bucket, remote: Open, tmp_path: Path) -> None:
    remote(bucket).publish("imdb", write_packaged)
    cached(tmp_path, "weights.npz").write_bytes(b"damaged")
    Scorer.load(remote(bucket).resolve("imdb").path)


def test_processes_that_fetch_one_version_at_once_share_one_copy(bucket: Bucket, remote: Open, tmp_path: Path) -> None:
    remote(bucket).publish("imdb", write_packaged)
    shutil.rmtree(tmp_path / "cache")
    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: remote(bucket).resolve("imdb").path, range(4)))
    assert len(paths) == 1
    assert cached(tmp_path, "model.onnx").parent in paths


def test_a_fetched_version_takes_the_place_of_old_ones_without_a_label(
    bucket: Bucket, remote: Open, tmp_path: Path
) -> None:
    for _ in range(4):
        remote(bucket).publish("imdb", write_packaged)
    remote(bucket).labels("imdb")
    for copy in cached(tmp_path, "labels.json").parent.glob("[1-4]"):
        os.utime(copy, (0, 0))
    remote(bucket).publish("imdb", write_packaged)
    assert sorted(each.name for each in cached(tmp_path, "labels.json").parent.glob("[1-5]")) == ["1", "4", "5"]


def test_a_cached_version_is_used_without_asking_for_its_files(bucket: Bucket, remote: Open) -> None:
    remote(bucket).publish("imdb", write_packaged)
    bucket.delete("imdb/1/model.onnx")
    Scorer.load(remote(bucket).resolve("imdb@1").path)


def test_a_model_that_is_not_there_is_not_found(bucket: Bucket, remote: Open) -> None:
    remote(bucket).publish("imdb", write_packaged)
    for reference in ("nope", "imdb@7", "imdb@canary"):
        with pytest.raises(ModelNotFound):
            remote(bucket).resolve(reference)


def test_a_version_signed_after_it_was_fetched_is_signed_here_too(bucket: Bucket, remote: Open, tmp_path: Path) -> None:
    registry, key = remote(bucket), make_key(tmp_path, "ours")
    resolved = registry.publish("imdb", write_packaged)
    signature = signature_of((resolved.path / "manifest.json").read_bytes(), read_private_key(key))
    registry.add_signature(resolved, signature)
    Scorer.load_version(remote(bucket).resolve("imdb"), public_keys=read_public_keys(public(key)))


def test_a_signed_version_is_fetched_with_its_signature(bucket: Bucket, remote: Open, tmp_path: Path) -> None:
    key = make_key(tmp_path, "ours")

    def write_signed(directory: Path, version: int) -> None:
        write_packaged(directory, version)
        manifest = (directory / "manifest.json").read_bytes()
        (directory / "manifest.json.sig").write_bytes(signature_of(manifest, read_private_key(key)))

    Scorer.load(remote(bucket).publish("imdb", write_signed).path, public_keys=read_public_keys(public(key)))


def test_without_a_home_only_what_is_fetched_needs_a_place(bucket: Bucket, remote: Open, nobody: None) -> None:
    remote(bucket).publish("imdb", write_packaged)
    registry = Registry(bucket.store, timeout_seconds=60)
    assert registry.labels("imdb") == {"stable": 1}
    with pytest.raises(StoreError, match=r"no home directory: set XDG_CACHE_HOME.*\.$"):
        registry.resolve("imdb")


def test_a_store_on_this_machine_needs_no_home(nobody: None) -> None:
    assert Registry().resolve("imdb").path == PACKAGED
