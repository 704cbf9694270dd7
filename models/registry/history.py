"""Why a model's labels are what they are: one JSON file a change in `<store>/<name>/history/`, numbered in order.

An entry is written before the labels are, and marked `"took_effect": true` after them. The labels are the truth: where
a process ended in between, the entry counts if what came next, another change or the present labels, starts from it.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from models.errors import StoreError
from models.registry.storage import StoreFiles
from models.timing import utc_timestamp

TRIES = 100  # as many others would have to write an entry at the same time
_ENTRY = re.compile(r"([0-9]+)\.json")  # others' files may lie beside the entries


class History:
    """The entries of one model."""

    def __init__(self, files: StoreFiles, name: str) -> None:
        self._files = files
        self._folder = f"{name}/history"

    def entries(self, labels: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every entry, oldest first, with its `number` and whether it `took_effect`, judged by the present labels."""
        found = []
        for entry, content in sorted(self._files.read_below(self._folder).items()):
            if numbered := _ENTRY.fullmatch(entry):
                found.append({"number": int(numbered[1])} | self._parse(entry, content))
        after = labels
        for each in reversed(found):
            each.setdefault("took_effect", each.get("labels") == after)
            after = each.get("before", after) if each["took_effect"] else after
        return found

    def begin(self, before: Mapping[str, Any], labels: Mapping[str, Any], entry: Mapping[str, Any]) -> "Pending":
        """Writes the entry of a change that is about to be made. Raises StoreError when it cannot be kept."""
        whole = {"at": utc_timestamp(), "by": "rule", **entry, "before": before, "labels": labels}
        content = _to_json(whole)
        for _ in range(TRIES):
            entries = map(_ENTRY.fullmatch, self._files.names_below(self._folder))
            last = max((int(entry[1]) for entry in entries if entry), default=0)
            path = f"{self._folder}/{last + 1:06}.json"
            if self._files.create(path, content):
                return Pending(self._files, path, whole)
        raise StoreError(f"Cannot add to {self._folder} in {self._files.location}: too many others do so at once.")

    def _parse(self, entry: str, content: bytes) -> dict[str, Any]:
        try:
            values = json.loads(content)
        except ValueError as error:
            raise StoreError(f"{self._folder}/{entry} in {self._files.location} is not JSON: {error}.") from error
        if not isinstance(values, dict):
            raise StoreError(f"{self._folder}/{entry} in {self._files.location} is not a JSON object.")
        return values


class Pending:
    """An entry whose change is being made."""

    def __init__(self, files: StoreFiles, path: str, entry: dict[str, Any]) -> None:
        self._files = files
        self._path = path
        self._entry = entry

    def confirm(self) -> None:
        """The labels are written, which no failure here may make look undone."""
        with suppress(StoreError):
            self._files.overwrite(self._path, _to_json(self._entry | {"took_effect": True}))

    def withdraw(self) -> None:
        with suppress(StoreError):
            self._files.remove(self._path)


def _to_json(entry: Mapping[str, Any]) -> bytes:
    try:
        return (json.dumps(entry, indent=2, allow_nan=False) + "\n").encode()
    except (TypeError, ValueError) as error:
        raise StoreError(f"The entry cannot be kept as JSON: {error}.") from error
