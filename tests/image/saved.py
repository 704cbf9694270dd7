"""Small images as tools save them, made by hand: their layers, in Docker's layouts and in OCI's."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import zstandard

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar+gzip": gzip.compress,
    "tar+zstd": zstandard.compress,
}
LABELS = {"org.opencontainers.image.title": "small", "org.opencontainers.image.version": "1.2.3"}
CONFIG = {"architecture": "amd64", "os": "linux", "config": {"Labels": LABELS}}


def layer(files: Mapping[str, str]) -> bytes:
    """A layer with these files."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    return written.getvalue()


def docker_parts(layers: Sequence[bytes]) -> dict[str, bytes]:
    """The files of an image as older versions of Docker save it."""
    parts = {f"{number}/layer.tar": content for number, content in enumerate(layers)}
    manifest = [{"Config": "config.json", "RepoTags": ["small:1.2.3"], "Layers": [*parts]}]
    return parts | {"config.json": _dumped(CONFIG), "manifest.json": _dumped(manifest)}


def new_docker_parts(layers: Sequence[bytes]) -> dict[str, bytes]:
    """The files of an image as newer versions of Docker save it: OCI's with Docker's own manifest."""
    parts = oci_parts(layers)
    names = [f"blobs/sha256/{hashlib.sha256(content).hexdigest()}" for content in (*layers, _dumped(CONFIG))]
    return parts | {"manifest.json": _dumped([{"Config": names[-1], "RepoTags": None, "Layers": names[:-1]}])}


def oci_parts(layers: Sequence[bytes], compression: str = "tar") -> dict[str, bytes]:
    """The files of an image in OCI's layout, beside what a builder tells of it, behind an index of its own."""
    parts = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        parts[f"blobs/sha256/{digest}"] = content
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    packed = [blob(COMPRESSIONS[compression](content), f"layer.v1.{compression}") for content in layers]
    manifest = {"schemaVersion": 2, "config": blob(_dumped(CONFIG), "config.v1+json"), "layers": packed}
    image = blob(_dumped(manifest), "manifest.v1+json") | {"platform": {"architecture": "amd64", "os": "linux"}}
    told = blob(b"{}", "manifest.v1+json") | {"platform": {"architecture": "unknown", "os": "unknown"}}
    index = blob(_dumped({"schemaVersion": 2, "manifests": [image, told]}), "index.v1+json")
    return parts | {"index.json": _dumped({"schemaVersion": 2, "manifests": [index]})}


def write_directory(parts: Mapping[str, bytes], directory: Path) -> Path:
    """Write the files of an image to a directory."""
    for name, content in parts.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return directory


def write_archive(parts: Mapping[str, bytes], directory: Path) -> Path:
    """Write the files of an image to an archive in the directory."""
    path = directory / "small.tar"
    with tarfile.open(path, "w") as archive:
        for name, content in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def _dumped(document: object) -> bytes:
    return json.dumps(document).encode()
