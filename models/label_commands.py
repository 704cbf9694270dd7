"""What `python -m models label` and `history` do; each returns the exit status."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from models.errors import ModelError, ModelNotFound, StoreError
from models.labels import DEFAULT_SHARES, STABLE, label_value, share_of, version_of
from models.registry import Registry
from models.scorer import Scorer
from models.signatures import read_public_keys

SHOWN_APART = ("number", "at", "by", "before", "labels", "took_effect", "verdict")


def label(options: argparse.Namespace) -> int:
    registry = Registry(options.store)
    name, version = _meant(options, registry)
    if version is not None:
        _check_change(options, registry, name, version)
    ended = registry.set_label(name, options.label, version, options.share)
    labels = registry.labels(name)
    if options.json:
        sys.stdout.write(json.dumps({"model": name, "labels": labels}) + "\n")
    elif version is None:
        sys.stdout.write(f"{name} has no {options.label} any more.\n")
    else:
        gone = "".join(f"; {each} ({describe(value)}) is taken away" for each, value in ended.items())
        sys.stdout.write(f"{name}@{options.label} is now {describe(labels[options.label])}{gone}.\n")
    return 0


def _meant(options: argparse.Namespace, registry: Registry) -> tuple[str, int | None]:
    """The model, and the version that its label is to point at; None where the label is to be taken away."""
    named = "@" in options.model
    if options.remove:
        return options.model, None
    if named == bool(options.version):
        raise ModelNotFound(
            f"Say which version of {options.model} is to be {options.label}, once: as NAME LABEL VERSION."
        )
    return registry.find(options.model if named else f"{options.model}@{options.version}")


def _check_change(options: argparse.Namespace, registry: Registry, name: str, version: int) -> None:
    """Raises ModelError for a label that cannot be or would do nothing, and for a version that no worker would use.

    The copies of versions on this machine count too: what is fetched from elsewhere has been checked.
    """
    label_value(options.label, version, options.share)  # what cannot be is told before anything is fetched
    if options.label in DEFAULT_SHARES and version == version_of(registry.labels(name).get(STABLE)):
        raise StoreError(f"Version {version} of {name} is stable: as {options.label} too it would do nothing.")
    keys = read_public_keys(options.public_key) if options.public_key else ()
    if options.force:
        return
    try:
        Scorer.load_version(registry.resolve(f"{name}@{version}"), public_keys=keys)
    except ModelError as error:
        raise type(error)(
            f"Version {version} of {name} does not pass its check, so {options.label} is not set "
            f"(--force sets it all the same): {error}"
        ) from error


def history(options: argparse.Namespace) -> int:
    entries = Registry(options.store).history(options.model)
    if options.json:
        sys.stdout.writelines(json.dumps(entry) + "\n" for entry in entries)
        return 0
    table = Table("", "when", "who", "what", "why", title=f"Labels of {options.model}")
    for entry in entries:
        table.add_row(
            str(entry["number"]), str(entry.get("at", "")), str(entry.get("by", "")), what_changed(entry), why(entry)
        )
    Console().print(table, markup=False)
    return 0


def what_changed(entry: Mapping[str, Any]) -> str:
    """An entry's change in words, one label a line."""
    before, after = entry.get("before") or {}, entry.get("labels") or {}
    lines = [
        f"{each}: {describe(before.get(each))} \u2192 {describe(after.get(each))}"
        for each in [*after, *(each for each in before if each not in after)]
        if before.get(each) != after.get(each)
    ]
    if lines and not entry["took_effect"]:
        lines.append("(did not take effect)")
    return "\n".join(lines) or "nothing"


def why(entry: Mapping[str, Any]) -> str:
    """An entry's verdict and the numbers behind it, one a line; figures and their limits have the same names."""
    verdict = entry.get("verdict", "")
    lines = [_shown(verdict)] if verdict else []
    for name, value in entry.items():
        if name in SHOWN_APART:
            continue
        if isinstance(value, dict):
            lines += [f"{name}:", *(f"  {each}: {_shown(number)}" for each, number in value.items())]
        else:
            lines.append(f"{name}: {_shown(value)}")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def describe(value: Any) -> str:
    """What a label points at, in words."""
    version, share = version_of(value), share_of(value)
    if version is None:
        return "none"
    return f"version {version}" + (f" for {share:.4g} of the records" if share else "")
