"""The model update of a check: a label that is moved from one version to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from models.artifact import read_golden
from models.errors import ModelError
from models.registry import Registry
from worker.commands.rolling.observed import Versions
from worker.errors import BadUse, StopWorker

# Texts such as people write: neither a few words nor a book.
_USUAL_CHARACTERS = range(200, 5_001)

Result = TypeVar("Result")


@dataclass
class Update:
    """The label of a model in a store; `moved` once it stands at the new version by our doing."""

    registry: Registry
    name: str
    label: str
    versions: Versions
    moved: bool = False

    @classmethod
    def plan(cls, registry: Registry, name: str, label: str, to: str | None) -> Update:
        """From where the label stands to version or label `to`, or nowhere. Raises BadUse, StopWorker."""
        old = in_words(lambda: registry.resolve(f"{name}@{label}")).version
        new = old if to is None else in_words(lambda: registry.resolve(f"{name}@{to}")).version
        if to is not None and new == old:
            raise BadUse(f"--to: label {label} of {name} stands at version {old} already")
        labels = in_words(lambda: registry.labels(name))
        canaries = (value["version"] for value in labels.values() if isinstance(value, dict) and "share" in value)
        return cls(registry, name, label, Versions(old, new, frozenset(canaries)))

    def apply(self) -> None:
        """Move the label. Raises StopWorker."""
        in_words(lambda: self.registry.set_label(self.name, self.label, self.versions.new))
        self.moved = True

    def undo(self) -> None:
        """Move it back, if it was moved. Raises StopWorker."""
        if self.moved:
            in_words(lambda: self.registry.set_label(self.name, self.label, self.versions.old))
            self.moved = False

    def texts(self) -> list[str]:
        """Texts to send: those of usual length in the golden set of the version in use. Raises StopWorker."""
        path = in_words(lambda: self.registry.resolve(f"{self.name}@{self.versions.old}")).path
        texts = [each.text for each in in_words(lambda: read_golden(path))]
        return [text for text in texts if len(text) in _USUAL_CHARACTERS] or texts


def in_words(call: Callable[[], Result]) -> Result:
    """What the store answers. Raises StopWorker with the store's own sentence."""
    try:
        return call()
    except ModelError as error:
        raise StopWorker(str(error)) from error
