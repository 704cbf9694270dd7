"""The worker's image, built once for all tests of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.image import base
from tests.image.build import build
from tests.image.buildah import Buildah, Image, missing_programs
from tests.image.container import Root


@dataclass(frozen=True)
class Built:
    """An image, its base, and a container of it; building takes minutes, so tests only look and run."""

    buildah: Buildah
    image: Image
    base: Image
    root: Root

    def python(self, code: str) -> str:
        """What a Python program in the image prints; it must succeed."""
        done = self.root.run(["python3", "-c", code])
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def worker() -> Iterator[Built]:
    """The target `worker` on Debian's Python."""
    missing = missing_programs("buildah", "debootstrap", "bwrap", "setpriv")
    if missing or os.geteuid() != 0:
        pytest.skip(f"building an image needs root and {', '.join(missing) or 'nothing else'}")
    with Buildah() as buildah:
        settings, with_pip = base.debian(buildah)
        image = build(buildah, "worker", settings, with_pip)
        yield Built(buildah, image, buildah.image(settings), Root(buildah, image))
