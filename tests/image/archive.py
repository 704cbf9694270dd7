"""Reads an image that lies in an archive or a directory, as `docker save`, buildah and other tools of OCI write it.

Docker's layout names the parts of an image in manifest.json, OCI's leads to them from index.json. Newer versions of
Docker write both, with the parts as blobs.
"""

import json
import re
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import zstandard

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
# What an archive raises that is damaged, and what JSON that is not an image's.
_DAMAGED = (tarfile.TarError, zstandard.ZstdError, zlib.error, EOFError, OSError)
_OTHERWISE = (LookupError, TypeError, ValueError, AttributeError)

Files = dict[str, bytes]


class NoImage(Exception):
    """There is no image, or not one alone; the message says why."""


@dataclass(frozen=True)
class SavedImage:
    """The labels of an image and those files of its file system that were wanted: content by path."""

    labels: dict[str, str]
    files: Files


def read_image(path: Path, wanted: Callable[[str], bool]) -> SavedImage:
    """The image of an archive or a directory, which must be the only one in it. Raises NoImage."""
    try:
        with _parts(path) as opened:
            config, layers = _manifest(opened)
            files: Files = {}
            for name in layers:
                with opened(name) as blob, _uncompressed(blob) as plain, tarfile.open(fileobj=plain) as layer:
                    files = put_layer(files, layer, wanted)
            return SavedImage(_json(opened(config))["config"].get("Labels") or {}, files)
    except (*_DAMAGED, *_OTHERWISE) as error:
        raise NoImage(f"{path} holds no image that can be read: {error}") from error


def put_layer(below: Files, layer: tarfile.TarFile, wanted: Callable[[str], bool]) -> Files:
    """The wanted files once a layer lies on those below it.

    What a layer hides are files and directories of the layers below, never its own. Raises TarError, OSError, KeyError,
    and ValueError for a path that leads out of the image.
    """
    own: Files = {}
    hidden, emptied = set(), set()
    for member in layer:
        path = _inside(member.name)
        if path.name == OPAQUE:
            emptied.add(str(path.parent))
        elif path.name.startswith(WHITEOUT):
            hidden.add(str(path.with_name(path.name.removeprefix(WHITEOUT))))
        elif not member.isdir():
            hidden.add(str(path))
            if wanted(str(path)) and member.islnk():
                own[str(path)] = own[str(_inside(member.linkname))]
            elif wanted(str(path)) and (file := layer.extractfile(member) if member.isfile() else None):
                own[str(path)] = file.read()
    return {path: content for path, content in below.items() if not _is_covered(path, hidden, emptied)} | own


def _is_covered(path: str, hidden: set[str], emptied: set[str]) -> bool:
    above = {str(parent) for parent in PurePosixPath(path).parents}
    return not hidden.isdisjoint({path, *above}) or not emptied.isdisjoint(above)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name.lstrip("/"))
    if ".." in path.parts:
        raise ValueError(f"{name} leads out of it")
    return path


@contextmanager
def _parts(path: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """What opens the files that lie there by name; FileNotFoundError where there is none."""
    if path.is_dir():
        yield lambda name: (path / _inside(name)).open("rb")
        return
    with tarfile.open(path) as archive:
        members = {str(_inside(member.name)): member for member in archive}

        def opened(name: str) -> IO[bytes]:
            if file := archive.extractfile(members[name]) if name in members else None:
                return file
            raise FileNotFoundError(f"{name} is not in it")

        yield opened


def _manifest(opened: Callable[[str], IO[bytes]]) -> tuple[str, list[str]]:
    """The names of an image's configuration and of its layers, from the base up."""
    try:
        image = _only(_json(opened("manifest.json")))
    except FileNotFoundError:
        manifest = _json(opened("index.json"))
    else:
        return image["Config"], image["Layers"]
    # An index may name another one, but nobody nests them deeper.
    for _ in range(2):
        if "manifests" in manifest:
            # What builders tell of a build lies beside its image, as one for an unknown system.
            images = [each for each in manifest["manifests"] if each.get("platform", {}).get("os") != "unknown"]
            manifest = _json(opened(_blob(_only(images))))
    return _blob(manifest["config"]), [_blob(layer) for layer in manifest["layers"]]


def _only(images: Any) -> dict[str, Any]:
    if not isinstance(images, list):
        raise ValueError("neither Docker's layout nor OCI's")
    if len(images) != 1:
        raise ValueError(f"{len(images)} images in place of one")
    image: dict[str, Any] = images[0]
    return image


def _blob(descriptor: dict[str, Any]) -> str:
    digest = re.fullmatch(r"(\w+):(\w+)", descriptor["digest"])
    if digest is None:
        raise ValueError(f"{descriptor['digest']} is not a digest")
    return f"blobs/{digest[1]}/{digest[2]}"


def _json(file: IO[bytes]) -> Any:
    with file:
        return json.load(file)


@contextmanager
def _uncompressed(blob: IO[bytes]) -> Iterator[IO[bytes]]:
    """A layer as tarfile reads it: what Zstandard compressed is beyond it."""
    start = blob.read(len(_ZSTANDARD))
    blob.seek(0)
    if start != _ZSTANDARD:
        yield blob
        return
    with tempfile.TemporaryFile() as plain:
        zstandard.ZstdDecompressor().copy_stream(blob, plain)
        plain.seek(0)
        yield plain
