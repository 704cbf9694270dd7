"""What `python -m models label` and `history` do; each returns the exit status."""

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from models.errors import ModelNotFound
from models.labels import share_of, version_of
from models.registry import Registry

SHOWN_APART = ("number", "at", "by", "before", "labels", "took_effect", "verdict")


def label(options: argparse.Namespace) -> int:
    registry = Registry(options.store)
    named = "@" in options.model
    if options.remove:
        name, version = options.model, None
    elif named == bool(options.version):
        raise ModelNotFound(
            f"Say which version of {options.model} is to be {options.label}, once: as NAME LABEL VERSION."
        )
    else:
        name, version = registry.find(options.model if named else f"{options.model}@{options.version}")
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
