"""A published version from one store to another, for example from where models are trained to where they serve."""

import shutil
from dataclasses import replace
from pathlib import Path

from models.artifact import write_manifest
from models.registry import Registry, Resolved
from models.scorer import Scorer


def copy_version(source: Path, registry: Registry, name: str | None = None) -> Resolved:
    """Publishes a copy of a version's directory as the next version of its model, or of the model `name`.

    Raises BrokenArtifact, and publishes nothing, unless the source's checksums and golden set hold.
    """
    manifest = Scorer.load(source).manifest
    name = name or manifest.name

    def write(directory: Path, version: int) -> None:
        for file in manifest.files:
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / file, directory / file)
        write_manifest(directory, replace(manifest, name=name, version=version))
        Scorer.load(directory)

    return registry.publish(name, write)
