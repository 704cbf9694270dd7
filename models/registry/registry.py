"""The models in a store: what there is, which version a name means, how a new version gets in, which label it has."""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.artifact import SIGNATURE_FILE
from models.errors import BadLabels, LabelsChanged, ModelNotFound, StoreError
from models.installation import typed
from models.registry.history import TRIES, History
from models.registry.labels import LABELS_FILE, STABLE, check_labels, label_value, parse_labels, version_of, with_label
from models.registry.local import replace_json
from models.registry.locations import PACKAGED_STORE, absolute_store, default_store, open_store
from models.registry.storage import Write

__all__ = [
    "PACKAGED_STORE",
    "STABLE",
    "Registry",
    "Resolved",
    "absolute_store",
    "check_name",
    "default_store",
    "replace_json",
]

TIMEOUT_SECONDS = 10.0
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Resolved:
    """One version of a model and its directory."""

    name: str
    version: int
    path: Path


class Registry:
    """A store of models: `<store>/<name>/<version>/` and `<store>/<name>/labels.json`.

    Versions are whole or not there, never change, and only grow in number; labels are the only thing that moves, and
    `<store>/<name>/history/` tells why.
    """

    def __init__(
        self, store: str | Path = PACKAGED_STORE, cache: Path | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """`store` is a directory or a URL; versions behind a URL are kept in `cache` (without one: a user's own).

        A store has to answer within `timeout_seconds`, plus the time that a file of its size may take behind a URL;
        publishing into a directory may take as long as it needs.
        """
        self.store = store
        self._files = open_store(store, cache, timeout_seconds)

    @property
    def away(self) -> str | None:
        """Why a store behind a URL did not answer when it was asked last, in one sentence; None when it did.

        While it is away `labels` are those read last, `versions` those on this machine, and `resolve` finds these.
        """
        return self._files.away

    def names(self) -> list[str]:
        """The models that have at least one version."""
        return [name for name in self._files.names() if _NAME.fullmatch(name) and self.versions(name)]

    def versions(self, name: str) -> list[int]:
        """The model's versions, oldest first; empty when there is no such model."""
        return self._files.versions(name)

    def labels(self, name: str) -> dict[str, Any]:
        """The model's labels as they stand in labels.json; raises StoreError when that is malformed."""
        path = f"{name}/{LABELS_FILE}"
        try:
            labels, content = self._read_labels(name)
        except StoreError:
            remembered = self._files.remembered(path) if self.away else None
            if remembered is None:
                raise
            return parse_labels(remembered, path)
        if content is not None:
            self._files.remember(path, content)
        return labels

    def history(self, name: str) -> list[dict[str, Any]]:
        """What was done to the model's labels, oldest first.

        Each entry has at least `number`, `at` (ISO 8601, UTC), `by` (`person`, `rule` or `publish`), `before` and
        `labels` (all labels before and after) and `took_effect`; a person's may have `who` (user@host). Changes by
        hand in labels.json have none.
        """
        if not _NAME.fullmatch(name) or not self.versions(name):
            raise self._not_found(name, STABLE)
        try:
            labels = self.labels(name)
        except BadLabels:
            labels = {}  # the history tells what the file has to be restored to
        return History(self._files, name).entries(labels)

    def resolve(self, reference: str) -> Resolved:
        """The version that `NAME` (its stable one), `NAME@VERSION` or `NAME@LABEL` means; raises ModelNotFound."""
        name, wanted, version = self._parse(reference)
        path = self._files.directory(name, version) if version else None
        if version is None or path is None:
            raise self._not_found(name, wanted)
        return Resolved(name, version, path)

    def find(self, reference: str) -> tuple[str, int]:
        """As `resolve`, but only the model's name and the version's number: no file is fetched."""
        name, wanted, version = self._parse(reference)
        if version is None or version not in self.versions(name):
            raise self._not_found(name, wanted)
        return name, version

    def publish(self, name: str, write: Write) -> Resolved:
        """Adds the model's next version: whole, or not at all.

        `write(directory, version)` writes every file into an empty local directory. The first version of a model
        becomes its stable one. Raises StoreError when the store cannot be written.
        """
        check_name(name)
        version, path = self._files.publish(name, write)
        labels = self.labels(name)
        if STABLE not in labels:
            with contextlib.suppress(LabelsChanged):  # by somebody who has chosen a stable version meanwhile
                self.change_labels(name, labels, labels | {STABLE: version}, {"by": "publish"})
        return Resolved(name, version, path)

    def add_signature(self, resolved: Resolved, signature: bytes) -> None:
        """Keeps a version's signature beside its manifest, in place of an older one. Raises StoreError."""
        self._files.overwrite(f"{resolved.name}/{resolved.version}/{SIGNATURE_FILE}", signature)

    def set_label(
        self, name: str, label: str, version: int | None, share: float | None = None, who: str = ""
    ) -> dict[str, Any]:
        """Points a label at a version (None: takes it away) for a person; the other labels stay as they are.

        But when `stable` moves, a trial (canary, shadow) of the version that it moves to or from ends with it: such a
        label would come to life again at the next move. Returns the labels that went that way, with their values.
        Canary and shadow take a share of the records, in (0, 1]. `who` is kept in the history where it is known.
        Raises StoreError for what cannot be.
        """
        if version is None and label == STABLE:
            raise StoreError(f"{STABLE} cannot be taken away, only be pointed at another version.")
        entry = {"by": "person"} | ({"who": who} if who else {})
        value = None if version is None else label_value(label, version, share)
        for _ in range(TRIES):
            before = self.labels(name)
            if version is None and label not in before:
                raise ModelNotFound(f"The model {name!r} has no label {label!r}.")
            others = {each: kept for each, kept in before.items() if each != label}
            after = others if value is None else with_label(before, label, value)
            with contextlib.suppress(LabelsChanged):
                self.change_labels(name, before, after, entry)
                return {each: gone for each, gone in others.items() if each not in after}
        raise StoreError(f"Cannot change the labels of {name}: too many others do so at once.")

    def change_labels(
        self, name: str, expected: Mapping[str, Any], labels: Mapping[str, Any], entry: Mapping[str, Any]
    ) -> None:
        """Replaces the labels if they are still the expected ones, and keeps the entry, which says why, in the history.

        `entry` is a JSON object of any fields; `before` and `labels` are added, and `at` and `by` (`rule`) if missing.
        With `labels` equal to `expected` only the entry is kept: a recommendation. Raises LabelsChanged when the labels
        are others by now, ModelNotFound for a version that is not there, StoreError when they cannot be written.
        """
        check_labels(labels, "A change of labels")
        present, content = self._read_labels(name)
        if present != dict(expected):
            raise LabelsChanged(f"The labels of {name} have changed meanwhile; they are now {present}.")
        # Others may stand on what has gone meanwhile: that must not keep anybody from moving them away from there.
        set_here = {version_of(value) for label, value in labels.items() if value != expected.get(label)}
        for missing in set_here.difference(self.versions(name)):
            raise self._not_found(name, str(missing))
        pending = History(self._files, name).begin(expected, labels, entry)
        written = (json.dumps(labels, indent=2) + "\n").encode()
        if not self._files.replace(f"{name}/{LABELS_FILE}", content, written):
            pending.withdraw()
            raise LabelsChanged(f"The labels of {name} have changed meanwhile; nothing was written.")
        pending.confirm()

    def _parse(self, reference: str) -> tuple[str, str, int | None]:
        """The name, the wanted version or label, and the number that it stands for, whether it exists or not."""
        name, _, wanted = reference.partition("@")
        wanted = wanted or STABLE
        if not _NAME.fullmatch(name):
            return name, wanted, None
        return name, wanted, int(wanted) if wanted.isdecimal() else version_of(self.labels(name).get(wanted))

    def _read_labels(self, name: str) -> tuple[dict[str, Any], bytes | None]:
        path = f"{name}/{LABELS_FILE}"
        content = self._files.read(path)
        location = f"{self._files.location}/{path}"
        if content is None:
            return {}, None
        try:
            return parse_labels(content, location), content
        except BadLabels as error:
            raise BadLabels(
                f"{error} To restore it, write into it the `labels` of the last entry of "
                f"`{typed('python -m models history')} {name} --json` that took effect."
            ) from error

    def _not_found(self, name: str, wanted: str) -> ModelNotFound:
        versions = self.versions(name) if _NAME.fullmatch(name) else []
        if not versions:
            known = ", ".join(self.names()) or "none"
            return ModelNotFound(f"There is no model {name!r} in {self._files.location}; there are: {known}.")
        choices = ", ".join([*map(str, versions), *self.labels(name)])
        return ModelNotFound(f"The model {name!r} has no version or label {wanted!r}; it has: {choices}.")


def check_name(name: str) -> None:
    """Raises StoreError when no model can have that name."""
    if not _NAME.fullmatch(name):
        raise StoreError(f"{name!r} cannot name a model: use small letters, digits, '-' and '_'.")
