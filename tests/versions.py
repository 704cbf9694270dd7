"""Stores with versions of a real model, among them some that must never serve."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from models.artifact import GOLDEN_FILE, MANIFEST_FILE, NETWORK_FILE, FileRecord, read_manifest, write_manifest
from models.registry.registry import Registry

NAME = "imdb"
OPPOSITE = ("positive", "negative")


def add_version(store: str | Path, classes: Sequence[str] = (), **changes: object) -> int:
    """Publish the packaged model once more; its number.

    With its classes the other way round it answers the opposite of what it should, and every check holds. `changes` are
    further fields of the manifest.
    """
    packaged = Registry().resolve(NAME).path
    manifest = read_manifest(packaged)

    def write(directory: Path, version: int) -> None:
        shutil.copytree(packaged, directory, dirs_exist_ok=True)
        new = replace(manifest, version=version, classes=tuple(classes) or manifest.classes, **changes)  # type: ignore[arg-type]
        write_manifest(directory, new)

    return Registry(store).publish(NAME, write).version


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def change_golden(directory: Path) -> None:
    """Expect other scores than the model gives, vouched for by the manifest."""
    golden = [json.loads(line) for line in (directory / GOLDEN_FILE).read_text().splitlines()]
    for row in golden:
        row["probabilities"] = row["probabilities"][::-1]
    (directory / GOLDEN_FILE).write_text("".join(json.dumps(row) + "\n" for row in golden))
    manifest = read_manifest(directory)
    manifest.files[GOLDEN_FILE] = FileRecord.of(directory / GOLDEN_FILE)
    write_manifest(directory, manifest)


def older_format(directory: Path) -> None:
    values = json.loads((directory / MANIFEST_FILE).read_text()) | {"format_version": 0}
    (directory / MANIFEST_FILE).write_text(json.dumps(values))


def make_unreadable(path: Path) -> None:
    """A directory in a file's place cannot be read by anybody, not even by root, whom no permission stops."""
    path.unlink()
    path.mkdir()


# What can be wrong with a version's directory, and what makes it so.
BREAKS: dict[str, Callable[[Path], object]] = {
    "truncated": lambda directory: truncate(directory / NETWORK_FILE),
    "wrong checksum": lambda directory: (directory / "vocabulary.txt").write_text("other words\n"),
    "half copied": lambda directory: (directory / NETWORK_FILE).unlink(),
    "no manifest yet": lambda directory: (directory / MANIFEST_FILE).unlink(),
    "golden set does not hold": change_golden,
    "older format": older_format,
    "unreadable": lambda directory: make_unreadable(directory / NETWORK_FILE),
    "vanished": shutil.rmtree,
}
