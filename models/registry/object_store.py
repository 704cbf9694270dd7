"""What is asked of fsspec, the one place that knows of it; each call has a deadline, and its errors are StoreErrors."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from models.errors import StoreError, how_to_install
from models.registry.conditional_writes import S3, ConditionalWrites, conditional_writes
from models.timing import within

ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "FSSPEC_S3_ENDPOINT_URL")
LOST = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "409", "412"})


class RemoteCalls:
    """Calls to one store; `away` says, in one sentence, why the last one got no answer, and is None when it got one.

    Every method raises StoreError when there is no answer within `seconds`, or when the store refuses.
    """

    def __init__(self, store: str, seconds: float) -> None:
        self.away: str | None = None
        self._store = store
        self._seconds = seconds
        self._tags = conditional_writes(store)
        self._conditions_hold = False

    @property
    def identity(self) -> str:
        """What tells this store from others, also of the same URL, as a name for a directory."""
        known_by = [self._store, *(os.environ.get(name, "") for name in ENDPOINTS)]
        return hashlib.sha256("\n".join(known_by).encode()).hexdigest()[:16]

    def entries(self, url: str) -> dict[str, str]:
        """What is directly below, by name: `file` or `directory`; empty when there is nothing."""

        def ask() -> dict[str, str]:
            self._files.invalidate_cache()
            found = self._files.ls(url, detail=True)
            return {each["name"].rstrip("/").rsplit("/", 1)[-1]: each["type"] for each in found}

        return self._read(url, ask) or {}

    def find(self, url: str) -> list[str]:
        """The paths of all files below, relative to it."""

        def ask() -> list[str]:
            self._files.invalidate_cache()
            start = self._files._strip_protocol(url).rstrip("/") + "/"
            return [path.removeprefix(start) for path in self._files.find(url)]

        return self._read(url, ask) or []

    def state(self, url: str) -> str:
        """What the store tells of the files below, such as sizes and entity tags: it differs once one has changed."""

        def ask() -> str:
            self._files.invalidate_cache()
            found = self._files.find(url, detail=True)
            return repr(sorted((path, sorted(map(str, each.items()))) for path, each in found.items()))

        return str(self._read(url, ask))

    def read(self, url: str) -> bytes | None:
        """A file's content; None when there is none."""
        content = self._read(url, lambda: self._files.cat_file(url))
        return None if content is None else bytes(content)

    def read_all(self, url: str, names: Sequence[str]) -> dict[str, bytes]:
        """The contents of files directly below, by name."""
        urls = [f"{url}/{name}" for name in names]
        found = self._read(url, lambda: self._files.cat(urls) if urls else {}) or {}
        return {path.rsplit("/", 1)[-1]: bytes(content) for path, content in found.items()}

    def download(self, url: str, path: Path, seconds: float) -> bool:
        """Fetches a file, at the second try if need be; False when it is not there."""

        def ask() -> bool:
            self._files.get_file(url, str(path))
            return True

        with contextlib.suppress(StoreError):
            return bool(self._read(url, ask, seconds))
        return bool(self._read(url, ask, seconds))

    def upload(self, path: Path, url: str, seconds: float) -> bool:
        """Uploads a new file; False when there is one already."""
        self._check_conditions()
        return self._write(url, lambda: self._files.put_file(str(path), url, mode="create"), seconds)

    def create(self, url: str, content: bytes) -> bool:
        """Writes a new file; False when there is one already."""
        self._check_conditions()
        return self._write(url, lambda: self._files.pipe_file(url, content, mode="create"))

    def replace(self, url: str, expected: bytes, content: bytes) -> bool:
        """Replaces a file whose content is what is expected; False when it is not."""
        tags = self._check_conditions()
        found, tag = self._read(url, lambda: tags.read(self._files, url)) or (None, tags.no_tag)
        return found == expected and self._write(url, lambda: tags.replace(self._files, url, content, tag))

    def overwrite(self, url: str, content: bytes) -> None:
        self._write(url, lambda: self._files.pipe_file(url, content))

    def remove(self, url: str) -> None:
        self._write(url, lambda: self._files.rm_file(url))

    @property
    def _is_s3(self) -> bool:
        return self._store.startswith(S3)

    @cached_property
    def _files(self) -> Any:
        options: dict[str, Any] = {}
        if self._is_s3:
            times = {"connect_timeout": self._seconds / 2, "read_timeout": self._seconds}
            # One attempt: where an answer got lost, a second one would look like somebody else's change.
            options["config_kwargs"] = {**times, "retries": {"total_max_attempts": 1}}
        try:
            from fsspec.core import url_to_fs

            files, _ = url_to_fs(self._store, skip_instance_cache=True, **options)
        except ImportError as error:
            if self._is_s3 or error.name == "fsspec":
                raise ImportError(f"what it needs is not installed: {how_to_install('stores')}") from error
            raise
        if self._is_s3:
            files.retries = 1
        return files

    def _check_conditions(self) -> ConditionalWrites:
        """Raises StoreError unless the store refuses what it is told to refuse; tries it once."""
        if self._tags is None:
            raise StoreError(
                f"Cannot write to {self._store}: only of s3:// and gs:// is it known that two people cannot overwrite "
                "each other's changes; publish and label in a directory, and copy that to it."
            )
        if not self._conditions_hold:
            self._try_conditions(self._tags)
            self._conditions_hold = True
        return self._tags

    def _try_conditions(self, tags: ConditionalWrites) -> None:
        probe = f"{self._store}/.conditions"
        self._write(probe, lambda: self._files.pipe_file(probe, b"once", mode="create"))
        created_twice = self._write(probe, lambda: self._files.pipe_file(probe, b"once", mode="create"))
        if created_twice or self._write(probe, lambda: tags.replace(self._files, probe, b"never", tags.no_tag)):
            raise StoreError(
                f"Cannot write to {self._store}: it ignores the conditions that keep two people from overwriting each "
                "other's changes."
            )

    def _read(self, url: str, ask: Callable[[], Any], seconds: float = 0.0) -> Any:
        """What is there, or None."""
        try:
            return self._ask("read", url, ask, seconds)
        except _ConditionFailed:
            return None

    def _write(self, url: str, ask: Callable[[], Any], seconds: float = 0.0) -> bool:
        """Whether the file is written: the condition of it may not hold."""
        try:
            self._ask("write", url, ask, seconds)
        except _ConditionFailed:
            return False
        return True

    def _ask(self, doing: str, url: str, ask: Callable[[], Any], seconds: float) -> Any:
        try:
            answer = within(self._seconds + seconds, ask)
        except Exception as error:  # the libraries' errors share no other base class
            lost = _code(error) in LOST or type(error).__name__ == "FileExpired"
            # What is no S3 at all, such as a proxy, answers that nothing is there without saying what is not.
            absent = isinstance(error, FileNotFoundError) and _code(error) in ("", "NoSuchKey")
            self.away = None if lost or absent or isinstance(error, FileExistsError) else _sentence(doing, url, error)
            if self.away:
                raise StoreError(self.away) from error
            raise _ConditionFailed from error
        self.away = None
        return answer


class _ConditionFailed(Exception):
    """The store's answer is that the file is not there, or is there already, or has changed."""


def _code(error: Exception) -> str:
    """S3's name of an error, such as NoSuchBucket; empty for others."""
    response = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _sentence(doing: str, url: str, error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"Cannot {doing} {url}: {lines[0].rstrip('.')}."
