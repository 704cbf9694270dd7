"""A store behind a URL that fsspec knows, such as s3://bucket/models; versions are used from copies on this machine."""

import contextlib
import tempfile
from functools import cached_property
from pathlib import Path

from models.artifact import (
    MANIFEST_FILE,
    NETWORK_FILE,
    OPTIONAL_FILES,
    SIGNATURE_FILE,
    FileRecord,
    check_file,
    check_names,
    parse_manifest,
)
from models.errors import BrokenArtifact, StoreError, is_unreadable
from models.registry.cache import VersionCache, default_cache
from models.registry.labels import LABELS_FILE, parse_labels, version_of
from models.registry.local import is_version
from models.registry.object_store import RemoteCalls
from models.registry.storage import Write

TRIES = 20  # as many others would have to publish at the same time
BYTES_PER_SECOND = 200_000  # slower than this, a store counts as away


class RemoteFiles:
    """A version is there when its manifest is, which is written last; no file of a version is ever written twice.

    What was fetched and did not hold is fetched again only after something of it has changed.
    """

    def __init__(self, url: str, cache: Path | None, seconds: float) -> None:
        self.location = url.rstrip("/")
        self._calls = RemoteCalls(self.location, seconds)
        self._copies = cache
        self._broken: dict[tuple[str, int], tuple[str, str]] = {}

    @cached_property
    def _cache(self) -> VersionCache:
        """Only what is fetched needs it: labels can be read and set without a place for copies."""
        return VersionCache((self._copies or default_cache()) / self._calls.identity)

    @property
    def away(self) -> str | None:
        return self._calls.away

    def names(self) -> list[str]:
        found = self._calls.entries(self.location)
        if not found:
            raise StoreError(f"Cannot read the model store {self.location}: there is nothing in it.")
        return sorted(name for name, kind in found.items() if kind == "directory")

    def versions(self, name: str) -> list[int]:
        try:
            return self._published(name)
        except StoreError:
            if not (copies := self._cache.versions(name)):
                raise
            return copies

    def directory(self, name: str, version: int) -> Path | None:
        """A copy, fetched unless there is a sound one. Raises BrokenArtifact when what is stored does not hold."""
        if (path := self._cache.get(name, version)) is None:
            # Asked for before anything is read: what changes meanwhile is looked at again.
            state = self._calls.state(f"{self.location}/{name}/{version}")
            if (broken := self._broken.get((name, version))) and broken[0] == state:
                raise BrokenArtifact(broken[1])
            content = self.read(f"{name}/{version}/{MANIFEST_FILE}")
            if content is None:
                return None
            try:
                self._cache.add(name, version, lambda directory: self._fetch(name, version, content, directory))
            except BrokenArtifact as error:
                self._broken[name, version] = state, str(error)
                raise
            path = self._cache.get(name, version)
            self._tidy(name, version)
        elif self.away is None:
            self._refresh_signature(name, version)
        return path

    def publish(self, name: str, write: Write) -> tuple[int, Path]:
        """Whoever is the first to upload a file of a number has that number; others go on to the next."""
        for _ in range(TRIES):
            version = max(self._numbers(name), default=0) + 1
            with tempfile.TemporaryDirectory(prefix="publishing-") as prepared:
                write(Path(prepared), version)
                published = self._upload(Path(prepared), f"{name}/{version}")
            if published:
                path = self.directory(name, version)
                if path is None:
                    raise StoreError(f"{self.location}/{name}/{version} has gone right after it was published.")
                return version, path
        raise StoreError(f"Cannot publish a version of {name} in {self.location}: too many others do so at once.")

    def read_below(self, folder: str) -> dict[str, bytes]:
        return self._calls.read_all(f"{self.location}/{folder}", self.names_below(folder))

    def names_below(self, folder: str) -> list[str]:
        return sorted(name for name, kind in self._calls.entries(f"{self.location}/{folder}").items() if kind == "file")

    def read(self, path: str) -> bytes | None:
        return self._calls.read(f"{self.location}/{path}")

    def create(self, path: str, content: bytes) -> bool:
        return self._calls.create(f"{self.location}/{path}", content)

    def replace(self, path: str, expected: bytes | None, content: bytes) -> bool:
        if expected is None:
            return self.create(path, content)
        return self._calls.replace(f"{self.location}/{path}", expected, content)

    def overwrite(self, path: str, content: bytes) -> None:
        self._calls.overwrite(f"{self.location}/{path}", content)

    def remove(self, path: str) -> None:
        self._calls.remove(f"{self.location}/{path}")

    def remember(self, path: str, content: bytes) -> None:
        with contextlib.suppress(StoreError):
            self._cache.write(path, content)

    def remembered(self, path: str) -> bytes | None:
        with contextlib.suppress(StoreError):
            return self._cache.read(path)
        return None

    def _published(self, name: str) -> list[int]:
        found = (path.split("/") for path in self._calls.find(f"{self.location}/{name}"))
        return sorted(int(parts[0]) for parts in found if parts[1:] == [MANIFEST_FILE] and is_version(parts[0]))

    def _numbers(self, name: str) -> list[int]:
        """The numbers of versions that are there, in part or whole."""
        found = (path.split("/")[0] for path in self._calls.find(f"{self.location}/{name}"))
        return [int(number) for number in found if is_version(number)]

    def _upload(self, prepared: Path, folder: str) -> bool:
        """Uploads a version's files, its manifest last; False when somebody else has the number."""
        paths = [path.relative_to(prepared).as_posix() for path in prepared.rglob("*") if path.is_file()]
        # Publishers must begin with the same file, for that is what only one of them can do.
        for path in sorted(paths, key=lambda each: (each == MANIFEST_FILE, each != NETWORK_FILE, each)):
            seconds = (prepared / path).stat().st_size / BYTES_PER_SECOND
            if not self._calls.upload(prepared / path, f"{self.location}/{folder}/{path}", seconds):
                return False
        return True

    def _fetch(self, name: str, version: int, content: bytes, directory: Path) -> None:
        location = f"{self.location}/{name}/{version}"
        manifest = parse_manifest(content, location)
        if (manifest.name, manifest.version) != (name, version):
            raise BrokenArtifact(f"The manifest in {location} is that of {manifest.name} version {manifest.version}.")
        check_names(manifest, location)
        for file, record in manifest.files.items():
            if not file.startswith(OPTIONAL_FILES):
                self._fetch_file(f"{location}/{file}", record, directory / file)
        (directory / MANIFEST_FILE).write_bytes(content)
        if (signature := self._calls.read(f"{location}/{SIGNATURE_FILE}")) is not None:
            (directory / SIGNATURE_FILE).write_bytes(signature)

    def _fetch_file(self, url: str, record: FileRecord, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self._calls.download(url, path, record.size_bytes / BYTES_PER_SECOND):
            raise BrokenArtifact(f"{url} is missing, although the manifest beside it vouches for it.")
        try:
            check_file(path, record, url)
        except BrokenArtifact as error:
            if is_unreadable(error):
                raise StoreError(str(error)) from error
            raise

    def _tidy(self, name: str, version: int) -> None:
        """Removes old copies, but for what the labels named when they were read last."""
        path = f"{name}/{LABELS_FILE}"
        with contextlib.suppress(StoreError):
            labels = parse_labels(self.remembered(path) or b"{}", path)
            self._cache.keep_only(name, {version, *filter(None, map(version_of, labels.values()))})

    def _refresh_signature(self, name: str, version: int) -> None:
        """A version may have been signed after it was fetched; what else it consists of never changes."""
        path = f"{name}/{version}/{SIGNATURE_FILE}"
        with contextlib.suppress(StoreError):
            if (signature := self.read(path)) is not None:
                self._cache.write(path, signature)
