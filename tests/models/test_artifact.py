import json
from pathlib import Path
from typing import Any

import pytest

from models.artifact import Manifest, read_manifest, write_manifest
from models.errors import BrokenArtifact
from models.scorer import Scorer


def change_manifest(artifact: Path, **changes: Any) -> None:
    path = artifact / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_manifest_survives_writing_and_reading(artifact: Path, tmp_path: Path) -> None:
    manifest = read_manifest(artifact)
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest


def test_the_manifest_vouches_for_every_file_beside_it(artifact: Path) -> None:
    beside = {path.name for path in artifact.iterdir()} - {"manifest.json"}
    assert set(read_manifest(artifact).files) == beside


def test_the_manifest_records_the_metrics_of_the_test_set(artifact: Path) -> None:
    metrics = read_manifest(artifact).metrics["test"]
    assert metrics["reviews"] == 25_000
    assert metrics["f1"] >= 0.85


@pytest.mark.parametrize(
    "name", ["model.onnx", "weights.npz", "vocabulary.txt", "stop_words.txt", "golden.jsonl", "model.keras"]
)
def test_a_changed_file_is_refused(artifact: Path, name: str) -> None:
    content = bytearray((artifact / name).read_bytes())
    content[len(content) // 2] ^= 1
    (artifact / name).write_bytes(content)
    with pytest.raises(BrokenArtifact, match="checksum or size"):
        Scorer.load(artifact)


@pytest.mark.parametrize("name", ["model.onnx", "vocabulary.txt", "golden.jsonl"])
def test_a_truncated_file_is_refused(artifact: Path, name: str) -> None:
    (artifact / name).write_bytes((artifact / name).read_bytes()[:-10])
    with pytest.raises(BrokenArtifact, match="checksum or size"):
        Scorer.load(artifact)


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "weights.npz", "vocabulary.txt", "stop_words.txt"])
@pytest.mark.parametrize("verify", [True, False])
def test_a_missing_file_is_refused(artifact: Path, name: str, verify: bool) -> None:
    (artifact / name).unlink()
    with pytest.raises(BrokenArtifact, match="Cannot read"):
        Scorer.load(artifact, verify=verify)


def test_a_missing_golden_set_is_refused(artifact: Path) -> None:
    (artifact / "golden.jsonl").unlink()
    with pytest.raises(BrokenArtifact, match="Cannot read"):
        Scorer.load(artifact)


def test_a_network_that_is_no_network_is_refused_also_unverified(artifact: Path) -> None:
    (artifact / "model.onnx").write_bytes(b"not a network")
    with pytest.raises(BrokenArtifact, match="cannot load"):
        Scorer.load(artifact, verify=False)


@pytest.mark.parametrize("content", [b"", b"PK", b"not an archive"])
def test_weights_that_are_no_weights_are_refused_also_unverified(artifact: Path, content: bytes) -> None:
    (artifact / "weights.npz").write_bytes(content)
    with pytest.raises(BrokenArtifact, match=r"weights\.npz"):
        Scorer.load(artifact, verify=False)


def test_a_newer_format_version_is_refused(artifact: Path) -> None:
    change_manifest(artifact, format_version=2)
    with pytest.raises(BrokenArtifact, match="format version 2"):
        Scorer.load(artifact)


@pytest.mark.parametrize(
    "changes",
    [{"surprise": 1}, {"files": []}, {"files": {"model.onnx": 3}}, {"text": 7}, {"classes": None}, {"files": {}}],
)
def test_a_malformed_manifest_is_refused(artifact: Path, changes: dict[str, Any]) -> None:
    change_manifest(artifact, **changes)
    with pytest.raises(BrokenArtifact):
        Scorer.load(artifact)


@pytest.mark.parametrize("content", ["", "[1]", "{", "null", "\x00", '{"format_version": 1}'])
def test_a_manifest_that_is_no_manifest_is_refused(artifact: Path, content: str) -> None:
    (artifact / "manifest.json").write_text(content)
    with pytest.raises(BrokenArtifact):
        Scorer.load(artifact)


def test_a_manifest_cannot_vouch_for_files_elsewhere(artifact: Path) -> None:
    files = json.loads((artifact / "manifest.json").read_text())["files"]
    change_manifest(artifact, files=files | {"../../labels.json": {"sha256": "", "size_bytes": 0}})
    with pytest.raises(BrokenArtifact, match="outside"):
        Scorer.load(artifact)


def test_a_manifest_without_fields_is_refused() -> None:
    with pytest.raises(BrokenArtifact, match="lacks fields"):
        Manifest.from_json({"format_version": 1, "name": "imdb"})
