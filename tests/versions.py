"""Stores with versions of a real model, among them some that must never serve."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from models.artifact import read_manifest, write_manifest
from models.registry import Registry

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
