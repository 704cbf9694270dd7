"""Copies of a remote store's versions on this machine, and the labels that it had when it was last read."""

import contextlib
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Collection
from pathlib import Path

from models.artifact import check_files, read_manifest
from models.errors import BrokenArtifact, StoreError, is_unreadable
from models.registry.local import is_version, locked, replace_file

_FETCHED = ".fetching-"
_LEFT_BEHIND_SECONDS = 3600.0
_LOCK_SECONDS = 10.0
_NEWEST = 2
_UNUSED_SECONDS = 86_400.0


def default_cache() -> Path:
    """Where one user's processes keep copies of versions: below XDG_CACHE_HOME, or ~/.cache. Raises StoreError."""
    caches = os.environ.get("XDG_CACHE_HOME")
    try:
        home = Path(caches) if caches else Path.home() / ".cache"
    except RuntimeError as error:
        raise StoreError(
            "There is no place for copies of versions, for this user has no home directory: set XDG_CACHE_HOME, or "
            "for workers SENTIMENT_MODEL_CACHE."
        ) from error
    return home / "kafka-sentiment" / "models"


class VersionCache:
    """`<cache>/<name>/<version>/` and `<cache>/<name>/labels.json` of one store; it may be deleted at any time."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def versions(self, name: str) -> list[int]:
        """The numbers of the copies, oldest first, whether they are sound or not."""
        try:
            return sorted(int(each.name) for each in (self.directory / name).iterdir() if is_version(each.name))
        except OSError:
            return []

    def get(self, name: str, version: int) -> Path | None:
        """A copy of which every checksum holds; None without one.

        A copy that is found to be damaged is removed. Raises StoreError for one that cannot be read, which stays.
        """
        path = self.directory / name / str(version)
        try:
            if not path.is_dir():
                return None
            check_files(path, read_manifest(path))
        except BrokenArtifact as error:
            if is_unreadable(error):
                raise StoreError(f"The copy of a version cannot be used: {error}") from error
            shutil.rmtree(path, ignore_errors=True)
            return None
        except OSError as error:
            raise StoreError(f"Cannot read {path}: {error.strerror or error}.") from error
        with contextlib.suppress(OSError):
            os.utime(path)
        return path

    def keep_only(self, name: str, wanted: Collection[int]) -> None:
        """Removes copies of other versions, but for the two newest, and for those that were used within a day."""
        for version in self.versions(name)[:-_NEWEST]:
            path = self.directory / name / str(version)
            with contextlib.suppress(OSError):
                if version not in wanted and time.time() - path.stat().st_mtime > _UNUSED_SECONDS:
                    # Whoever looks at it now finds it whole or not at all.
                    gone = path.rename(path.with_name(f"{_FETCHED}{uuid.uuid4().hex}"))
                    shutil.rmtree(gone, ignore_errors=True)

    def add(self, name: str, version: int, fetch: Callable[[Path], None]) -> None:
        """Keeps what `fetch(directory)` writes into an empty directory, whole or not at all; the first copy stays."""
        home = self.directory / name
        try:
            home.mkdir(parents=True, exist_ok=True)
            _remove_left_behind(home)
            fetched = Path(tempfile.mkdtemp(prefix=_FETCHED, dir=home))
            try:
                fetch(fetched)
                fetched.chmod(0o755)
                with locked(home / ".lock", _LOCK_SECONDS):
                    if not (home / str(version)).exists():
                        fetched.rename(home / str(version))
            finally:
                shutil.rmtree(fetched, ignore_errors=True)
        except OSError as error:
            raise StoreError(f"Cannot keep a version in {home}: {error.strerror or error}.") from error

    def write(self, path: str, content: bytes) -> None:
        """Keeps a file that is not part of what was published, such as labels, where that is possible."""
        target = self.directory / path
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            with locked(self.directory / path.split("/")[0] / ".lock", _LOCK_SECONDS):
                if not target.exists() or target.read_bytes() != content:
                    replace_file(target, content)

    def read(self, path: str) -> bytes | None:
        """What `write` has kept; None without."""
        try:
            return (self.directory / path).read_bytes()
        except OSError:
            return None


def _remove_left_behind(home: Path) -> None:
    """Removes what processes that were killed had begun to fetch."""
    for path in home.glob(f"{_FETCHED}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
