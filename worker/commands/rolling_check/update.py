"""The model update of a check: a label that is moved from one version to another."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from models.artifact import read_golden
from models.errors import LabelsChanged, ModelError
from models.installation import typed
from models.registry.labels import CANARY, STABLE, ended_trials, label_value, version_of, with_label
from models.registry.registry import Registry, absolute_store, default_store
from models.timing import never_yield
from worker.commands.rolling_check.observations import Versions
from worker.errors import BadUse, StopWorker
from worker.serving.loader import open_loader
from worker.settings.settings import Settings

# Texts such as people write: neither a few words nor a book.
_USUAL_CHARACTERS = range(200, 5_001)

Result = TypeVar("Result")


@dataclass
class Update:
    """A label of a model in a store; `applied` once we moved it, `moved` while it stands at the new version by that.

    The label is moved only from where it stood when the update was planned: what a person or a canary's rule does in
    between is never overwritten. Trials that end with a move of `stable` go in the same change.
    """

    registry: Registry
    name: str
    label: str
    versions: Versions
    labels: Mapping[str, Any]
    applied: bool = False
    moved: bool = False

    @classmethod
    def plan(cls, registry: Registry, name: str, label: str, to: str | None) -> Update:
        """From where the label stands to version or label `to`, or nowhere. Raises BadUse, StopWorker."""
        labels = in_words(lambda: registry.labels(name))
        old = in_words(lambda: registry.resolve(f"{name}@{label}")).version
        new = old if to is None else in_words(lambda: registry.resolve(f"{name}@{to}")).version
        if to is not None and new == old:
            raise BadUse(f"--to: label {label} of {name} stands at version {old} already")
        canary = version_of(labels.get(CANARY))
        return cls(registry, name, label, Versions(old, new, frozenset({canary} if canary else ())), labels)

    def check(self, settings: Settings) -> None:
        """Load the new version as a worker with these settings does. Raises BadUse, StopWorker."""
        if not self.versions.changes:
            return
        load = open_loader(settings, self.registry)
        try:
            load(self.versions.new, never_yield)
        except ModelError as error:
            raise StopWorker(
                f"no worker would take version {self.versions.new} of {self.name}, so label {self.label} stays at "
                f"version {self.versions.old}: {error}"
            ) from error

    def apply(self) -> None:
        """Move the label. Raises StopWorker."""
        self.applied = self.moved = True  # also where the store's answer is lost: `undo` looks where the label stands
        try:
            self._move(self.labels, self.versions.new, {})
        except StopWorker as error:
            self.applied = self.moved = not isinstance(error.__cause__, LabelsChanged)
            raise

    def undo(self) -> None:
        """Move it back, if it stands where we moved it to; trials that ended with it begin anew. Raises StopWorker."""
        labels = in_words(lambda: self.registry.labels(self.name)) if self.moved else {}
        if version_of(labels.get(self.label)) == self.versions.new:
            ended = {label: value for label, value in self._ended().items() if label not in labels}
            anew = {label: label_value(label, value["version"], value["share"]) for label, value in ended.items()}
            self._move(labels, self.versions.old, anew)
        self.moved = False

    def summary(self) -> str:
        """What the update changes, in a line."""
        ends = "".join(f", {label} ends" for label in self._ended())
        return f"label {self.label}: {self.versions.old} to {self.versions.new}{ends}"

    def standing(self) -> str:
        """Where the label stands now, if we moved it, and what takes it back: a sentence; otherwise nothing."""
        if not self.applied:
            return ""
        subject, (old, new, _) = f"Label {self.label} of {self.name}", self.versions
        store = absolute_store(self.registry.store)
        other = "" if store == absolute_store(default_store()) else f" --store {shlex.quote(store)}"
        back = typed(f"`python -m models label {self.name} {self.label} {old}{other}` takes it back.")
        try:
            stands = version_of(self.registry.labels(self.name).get(self.label))
        except ModelError:
            stands = None
        if stands is None or self.registry.away:
            return f"{subject} was moved to version {new}, and the store does not say where it stands now: {back}"
        if stands == old:
            return f"{subject} stands at version {old} again."
        if stands != new:
            return f"{subject} stands at version {stands} now, where somebody else moved it."
        return f"{subject} stands at version {new} now: {back}"

    def texts(self) -> list[str]:
        """Texts to send: those of usual length in the golden set of the version in use. Raises StopWorker."""
        path = in_words(lambda: self.registry.resolve(f"{self.name}@{self.versions.old}")).path
        texts = [each.text for each in in_words(lambda: read_golden(path))]
        return [text for text in texts if len(text) in _USUAL_CHARACTERS] or texts

    def _ended(self) -> dict[str, Any]:
        return ended_trials(self.labels, self.versions.new) if self.label == STABLE else {}

    def _move(self, before: Mapping[str, Any], version: int, anew: Mapping[str, Any]) -> None:
        after = {**with_label(before, self.label, version), **anew}
        in_words(lambda: self.registry.change_labels(self.name, before, after, {"by": "rolling-check"}))


def in_words(call: Callable[[], Result]) -> Result:
    """What the store answers. Raises StopWorker with the store's own sentence."""
    try:
        return call()
    except ModelError as error:
        raise StopWorker(str(error)) from error
