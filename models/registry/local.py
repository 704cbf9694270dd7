"""A store in a local or mounted directory."""

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, TypeVar

from models.artifact import MANIFEST_FILE
from models.errors import StoreError
from models.registry.storage import Write
from models.timing import Deadline

_PREPARED = ".publishing-"
_LOCK_POLL_SECONDS = 0.005

Result = TypeVar("Result")


class LocalFiles:
    """Versions appear by renaming a whole directory; other files change under a lock between processes.

    A mounted directory may hang: reads, and writes of small files, have a deadline of `seconds`. Publishing has none.
    """

    away = None

    def __init__(self, store: Path, seconds: float) -> None:
        self.location = str(store)
        self._store = store
        self._deadline = Deadline(seconds)

    def names(self) -> list[str]:
        with _reading(self._store, "the model store "):
            return self._deadline.ask(lambda: sorted(each.name for each in self._store.iterdir() if each.is_dir()))

    def versions(self, name: str) -> list[int]:
        home = self._store / name
        with _reading(home):
            found = self._deadline.ask(lambda: [each for each in _numbers(home) if _is_whole(home / str(each))])
        return sorted(found)

    def directory(self, name: str, version: int) -> Path | None:
        path = self._store / name / str(version)
        with _reading(path):
            return path if self._deadline.ask(path.is_dir) else None

    def publish(self, name: str, write: Write) -> tuple[int, Path]:
        """A second publisher of the same model waits for the first; what a killed one left behind is removed."""
        home = self._store / name
        try:
            home.mkdir(parents=True, exist_ok=True)
            with locked(home / ".publish.lock"):
                for left_behind in home.glob(f"{_PREPARED}*"):
                    shutil.rmtree(left_behind, ignore_errors=True)
                version = max(_numbers(home), default=0) + 1
                _publish_as(home, version, write)
        except OSError as error:
            raise StoreError(f"Cannot publish a version in {home}: {error.strerror or error}.") from error
        return version, home / str(version)

    def names_below(self, folder: str) -> list[str]:
        path = self._store / folder
        with _reading(path):
            try:
                return self._deadline.ask(lambda: sorted(each.name for each in path.iterdir() if each.is_file()))
            except FileNotFoundError:
                return []

    def read_below(self, folder: str) -> dict[str, bytes]:
        found = {name: self.read(f"{folder}/{name}") for name in self.names_below(folder)}
        return {name: content for name, content in found.items() if content is not None}

    def read(self, path: str) -> bytes | None:
        with _reading(self._store / path):
            return self._deadline.ask(lambda: _content(self._store / path))

    def create(self, path: str, content: bytes) -> bool:
        return self.replace(path, None, content)

    def replace(self, path: str, expected: bytes | None, content: bytes) -> bool:
        def replace_expected(target: Path) -> bool:
            if _content(target) != expected:
                return False
            replace_file(target, content)
            return True

        return self._write(path, replace_expected)

    def overwrite(self, path: str, content: bytes) -> None:
        self._write(path, lambda target: replace_file(target, content))

    def remove(self, path: str) -> None:
        self._write(path, lambda target: target.unlink(missing_ok=True))

    def remember(self, path: str, content: bytes) -> None:
        """A directory that is away has nowhere else to keep it."""

    def remembered(self, path: str) -> bytes | None:
        return None

    def _write(self, path: str, write: Callable[[Path], Result]) -> Result:
        """Writes under the model's lock, so that what is read before stays as it is until it is written."""
        target, seconds = self._store / path, self._deadline.seconds

        def write_alone() -> Result:
            target.parent.mkdir(exist_ok=True)
            with locked(self._store / path.split("/")[0] / ".labels.lock", seconds):
                return write(target)

        try:
            return self._deadline.ask(write_alone, more_seconds=seconds)
        except OSError as error:
            raise StoreError(f"Cannot write {target}: {error.strerror or error}.") from error


def is_version(entry: str) -> bool:
    """Whether a folder's name is a version's number as it is written."""
    return entry.isascii() and entry.isdecimal() and not entry.startswith("0")


def _numbers(home: Path) -> list[int]:
    """The numbers of versions that are there, in part or whole."""
    try:
        return [int(entry.name) for entry in home.iterdir() if is_version(entry.name) and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_whole(version: Path) -> bool:
    """Whether it has a manifest, which is what makes a directory a version."""
    return os.path.lexists(version / MANIFEST_FILE)


@contextmanager
def locked(path: Path, seconds: float | None = None) -> Iterator[None]:
    """Holds a lock between processes; it goes with the process that holds it, however that ends.

    Raises TimeoutError when others hold it for longer than so many seconds (None: waits as long as it takes).
    """
    with path.open("a") as stream:
        if seconds is None:
            fcntl.flock(stream, fcntl.LOCK_EX)
        else:
            _lock_within(stream, seconds)
        yield


def _lock_within(stream: TextIO, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(f"another process has held {stream.name} for {seconds:g} s") from None
        time.sleep(_LOCK_POLL_SECONDS)


def _content(path: Path) -> bytes | None:
    """A file's content; None when there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _reading(path: Path, what: str = "") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"Cannot read {what}{path}: {error.strerror or error}.") from error


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
