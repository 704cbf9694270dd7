"""A store in a local or mounted directory."""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.errors import StoreError
from models.store_files import Write

_PREPARED = ".publishing-"


class LocalFiles:
    """Versions appear by renaming a whole directory; other files change under a lock between processes."""

    away = None

    def __init__(self, store: Path) -> None:
        self.place = str(store)
        self._store = store

    def names(self) -> list[str]:
        with _reading(self._store, "the model store "):
            return sorted(entry.name for entry in self._store.iterdir() if entry.is_dir())

    def versions(self, name: str) -> list[int]:
        home = self._store / name
        with _reading(home):
            try:
                found = [entry.name for entry in home.iterdir() if entry.is_dir()]
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted(int(entry) for entry in found if is_version(entry))

    def directory(self, name: str, version: int) -> Path | None:
        path = self._store / name / str(version)
        with _reading(path):
            return path if path.is_dir() else None

    def publish(self, name: str, write: Write) -> tuple[int, Path]:
        """A second publisher of the same model waits for the first; what a killed one left behind is removed."""
        home = self._store / name
        try:
            home.mkdir(parents=True, exist_ok=True)
            with locked(home / ".publish.lock"):
                for left_behind in home.glob(f"{_PREPARED}*"):
                    shutil.rmtree(left_behind, ignore_errors=True)
                version = max(self.versions(name), default=0) + 1
                _publish_as(home, version, write)
        except OSError as error:
            raise StoreError(f"Cannot publish a version in {home}: {error.strerror}.") from error
        return version, home / str(version)

    def names_below(self, folder: str) -> list[str]:
        path = self._store / folder
        with _reading(path):
            try:
                return sorted(entry.name for entry in path.iterdir() if entry.is_file())
            except FileNotFoundError:
                return []

    def read_below(self, folder: str) -> dict[str, bytes]:
        found = {name: self.read(f"{folder}/{name}") for name in self.names_below(folder)}
        return {name: content for name, content in found.items() if content is not None}

    def read(self, path: str) -> bytes | None:
        with _reading(self._store / path):
            try:
                return (self._store / path).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def create(self, path: str, content: bytes) -> bool:
        return self.replace(path, None, content)

    def replace(self, path: str, expected: bytes | None, content: bytes) -> bool:
        with self._writing(path):
            if self.read(path) != expected:
                return False
            replace_file(self._store / path, content)
        return True

    def overwrite(self, path: str, content: bytes) -> None:
        with self._writing(path):
            replace_file(self._store / path, content)

    def remove(self, path: str) -> None:
        with self._writing(path):
            (self._store / path).unlink(missing_ok=True)

    def remember(self, path: str, content: bytes) -> None:
        """A directory that is away has nowhere else to keep it."""

    def remembered(self, path: str) -> bytes | None:
        return None

    @contextmanager
    def _writing(self, path: str) -> Iterator[None]:
        """Holds the model's lock, so that what is read below it stays as it is until it is written."""
        try:
            (self._store / path).parent.mkdir(exist_ok=True)
            with locked(self._store / path.split("/")[0] / ".labels.lock"):
                yield
        except OSError as error:
            raise StoreError(f"Cannot write {self._store / path}: {error.strerror}.") from error


def is_version(entry: str) -> bool:
    """Whether a folder's name is a version's number as it is written."""
    return entry.isascii() and entry.isdecimal() and not entry.startswith("0")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock between processes; it goes with the process that holds it, however that ends."""
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def _reading(path: Path, what: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"Cannot read {what}{path}: {error.strerror}.") from error


def _publish_as(home: Path, version: int, write: Write) -> None:
    prepared = Path(tempfile.mkdtemp(prefix=_PREPARED, dir=home))
    try:
        write(prepared, version)
        prepared.chmod(0o755)
        for path in [*prepared.rglob("*"), prepared]:
            _flush(path)
        prepared.rename(home / str(version))
        _flush(home)
    finally:
        shutil.rmtree(prepared, ignore_errors=True)


def replace_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a JSON file that is, at every moment, the old one or the new one, also after a power cut."""
    replace_file(path, (json.dumps(value, indent=2) + "\n").encode())


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file as `replace_json` does; two writers at once need a lock."""
    prepared = path.with_name(f".{path.name}.new")
    prepared.write_bytes(content)
    _flush(prepared)
    prepared.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
