"""The models in a store: what there is, which version a name means, how a new version gets in, which label it has."""

import fcntl
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelNotFound, StoreError

PACKAGED_STORE = Path(__file__).with_name("store")
STABLE = "stable"
LABELS_FILE = "labels.json"
_PREPARED = ".publishing-"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def default_store() -> Path:
    """SENTIMENT_MODEL_STORE where it is set, otherwise the store inside this package."""
    return Path(os.environ.get("SENTIMENT_MODEL_STORE") or PACKAGED_STORE)


@dataclass(frozen=True, slots=True)
class Resolved:
    """One version of a model and its directory."""

    name: str
    version: int
    path: Path


class Registry:
    """A store of models: `<store>/<name>/<version>/` and `<store>/<name>/labels.json`.

    Versions are whole or not there, never change, and only grow in number; labels are the only thing that moves.
    """

    def __init__(self, store: Path = PACKAGED_STORE) -> None:
        self.store = store

    def names(self) -> list[str]:
        """The models that have at least one version."""
        try:
            found = sorted(entry.name for entry in self.store.iterdir() if _NAME.fullmatch(entry.name))
        except OSError as error:
            raise StoreError(f"Cannot read the model store {self.store}: {error.strerror}.") from error
        return [name for name in found if self.versions(name)]

    def versions(self, name: str) -> list[int]:
        """The model's versions, oldest first; empty when there is no such model."""
        try:
            entries = [entry.name for entry in (self.store / name).iterdir() if entry.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"Cannot read {self.store / name}: {error.strerror}.") from error
        return sorted(int(entry) for entry in entries if entry.isdecimal() and entry == str(int(entry)))

    def labels(self, name: str) -> dict[str, Any]:
        """The model's labels as they stand in labels.json; raises StoreError when that is malformed."""
        path = self.store / name / LABELS_FILE
        try:
            labels = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"Cannot read {path}: {error.strerror}.") from error
        except ValueError as error:
            raise StoreError(f"{path} is not JSON: {error}.") from error
        if not isinstance(labels, dict) or not all(_version_of(value) for value in labels.values()):
            raise StoreError(f"{path} does not map labels to versions.")
        return labels

    def resolve(self, reference: str) -> Resolved:
        """The version that `NAME` (its stable one), `NAME@VERSION` or `NAME@LABEL` means; raises ModelNotFound."""
        name, _, wanted = reference.partition("@")
        wanted = wanted or STABLE
        versions = self.versions(name) if _NAME.fullmatch(name) else []
        if not versions:
            known = ", ".join(self.names()) or "none"
            raise ModelNotFound(f"There is no model {name!r} in {self.store}; there are: {known}.")
        labels = self.labels(name)
        version = int(wanted) if wanted.isdecimal() else _version_of(labels.get(wanted))
        if version not in versions:
            choices = ", ".join([*map(str, versions), *labels])
            raise ModelNotFound(f"The model {name!r} has no version or label {wanted!r}; it has: {choices}.")
        return Resolved(name, version, self.store / name / str(version))

    def publish(self, name: str, write: Callable[[Path, int], None]) -> Resolved:
        """Adds the model's next version: whole, or not at all.

        `write(directory, version)` writes every file into an empty directory in the store, which is flushed to disk and
        then renamed; a second publisher of the same model waits for the first. The first version of a model becomes its
        stable one. Raises StoreError when the store cannot be written.
        """
        check_name(name)
        home = self.store / name
        try:
            home.mkdir(parents=True, exist_ok=True)
            with _locked(home / ".publish.lock"):
                for left_behind in home.glob(f"{_PREPARED}*"):  # by a publisher that was killed
                    shutil.rmtree(left_behind, ignore_errors=True)
                version = max(self.versions(name), default=0) + 1
                _publish_as(home, version, write)
        except OSError as error:
            raise StoreError(f"Cannot publish a version in {home}: {error.strerror}.") from error
        if STABLE not in self.labels(name):
            self.set_label(name, STABLE, version)
        return Resolved(name, version, home / str(version))

    def set_label(self, name: str, label: str, version: int) -> None:
        """Points a label at a version; readers see the old labels or the new ones, never half of a file."""
        if not _NAME.fullmatch(label) or label.isdecimal():
            raise StoreError(f"{label!r} cannot be a label: use a word of small letters, digits, '-' and '_'.")
        self.resolve(f"{name}@{version}")
        home = self.store / name
        try:
            with _locked(home / ".labels.lock"):
                replace_json(home / LABELS_FILE, self.labels(name) | {label: version})
        except OSError as error:
            raise StoreError(f"Cannot write the labels of {name}: {error.strerror}.") from error


def check_name(name: str) -> None:
    """Raises StoreError when no model can have that name."""
    if not _NAME.fullmatch(name):
        raise StoreError(f"{name!r} cannot name a model: use small letters, digits, '-' and '_'.")


def _version_of(value: Any) -> int | None:
    """A label's version: the number itself, or the `version` of an object such as a canary's; None if neither."""
    version = value.get("version") if isinstance(value, dict) else value
    return version if isinstance(version, int) and not isinstance(version, bool) and version > 0 else None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds a lock between processes; it goes with the process that holds it, however that ends."""
    with path.open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _publish_as(home: Path, version: int, write: Callable[[Path, int], None]) -> None:
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
    prepared = path.with_name(f".{path.name}.new")
    prepared.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    _flush(prepared)
    prepared.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
