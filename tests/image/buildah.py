"""Debian's buildah with a store of its own: images are built without an engine, a daemon or anything left behind.

RUN is a chroot and a layer is a copy, so that root is all it needs: it works inside of a container, too.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.local.processes import OwnedProcesses

# Chroots instead of namespaces, copies instead of overlays; in Docker's format, for OCI's has no HEALTHCHECK.
ENVIRONMENT = {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs", "BUILDAH_FORMAT": "docker"}
LOG_TAIL_LINES = 15


class ImageError(Exception):
    """An image was not built, or what runs in it failed; the message says what, and what was written last."""


@dataclass(frozen=True)
class Layer:
    """One layer of an image: the digest of its content, and its size unpacked."""

    digest: str
    bytes: int


@dataclass(frozen=True)
class Image:
    """An image in the store: its name, how an engine would run it (Docker's names), and its layers from the base up."""

    name: str
    config: dict[str, Any]
    layers: list[Layer]

    def layers_over(self, base: "Image") -> list[Layer]:
        """The layers that this image has on top of those of its base."""
        return self.layers[len(base.layers) :]


class Buildah:
    """A context manager: images and containers in a temporary directory, which is gone on exit, killed or not."""

    def __enter__(self) -> Self:
        need("buildah", "debootstrap", "bwrap", "setpriv")
        if os.geteuid() != 0:
            raise ImageError("Building an image needs root: it changes the root directory.")
        self._owner = OwnedProcesses("image")
        self.directory = self._owner.directory
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._owner.close()

    def __call__(self, *arguments: str | Path, directory: Path | None = None) -> str:
        """Run a command of buildah; what it printed. Raises ImageError when it fails."""
        store = ["--root", str(self.directory / "images"), "--runroot", str(self.directory / "run")]
        command = ["buildah", *store, "--storage-driver", "vfs", "--log-level", "error", *map(str, arguments)]
        return run(command, directory=directory)

    def new_container(self, image: str) -> tuple[str, Path]:
        """A container of an image (`scratch`: empty); its name, and the directory that is its root."""
        name = self("from", image).split()[-1]
        return name, Path(self("mount", name).strip())

    def image(self, name: str) -> Image:
        """What the store knows of an image."""
        found = json.loads(self("inspect", "--type", "image", name))
        layers = [Layer(layer["digest"], int(layer["size"])) for layer in json.loads(found["Manifest"])["layers"]]
        return Image(name, found["Docker"]["config"], layers)


def run(command: Sequence[str | Path], directory: Path | None = None) -> str:
    """Run a command to its end; its standard output. Raises ImageError with its last lines when it fails."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-LOG_TAIL_LINES:])
        raise ImageError(f"{Path(command[0]).name} ended with status {done.returncode}:\n{tail}")
    return done.stdout


def missing_programs(*programs: str) -> list[str]:
    """Those of the programs that this machine does not have."""
    return [program for program in programs if shutil.which(program) is None]


def need(*programs: str) -> None:
    """Raises ImageError unless all the programs are on this machine."""
    missing = missing_programs(*programs)
    if missing:
        raise ImageError(
            f"Not on this machine: {', '.join(missing)} (Debian: apt install buildah debootstrap bubblewrap)."
        )
