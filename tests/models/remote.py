"""What tests put into stores behind URLs."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.artifact import read_manifest, write_manifest
from models.registry.registry import Registry

PACKAGED = Registry().resolve("imdb@1").path
VERDICT = {"verdict": "promote", "numbers": {"agreement": 0.98}}

Open = Callable[[Any], Registry]


def write_packaged(directory: Path, version: int) -> None:
    """The packaged version, under another number."""
    shutil.copytree(PACKAGED, directory, dirs_exist_ok=True)
    write_manifest(directory, replace(read_manifest(PACKAGED), version=version))
