"""What `python -m models label` and `history` do; each returns the exit status."""

import argparse
import getpass
import json
import os
import socket
import sys

from rich.table import Column, Table

from models.commands.formatting import describe, print_table, what_changed, why, why_in_short
from models.errors import ModelError, ModelNotFound, StoreError
from models.registry.labels import DEFAULT_SHARES, STABLE, label_value, version_of
from models.registry.registry import Registry
from models.scorer import Scorer
from models.signatures import read_public_keys

__all__ = ["history", "label", "why"]


def label(options: argparse.Namespace) -> int:
    registry = Registry(options.store)
    name, version = _meant(options, registry)
    if version is not None:
        _check_change(options, registry, name, version)
    ended = registry.set_label(name, options.label, version, options.share, _person())
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
    table = Table(Column(no_wrap=True), Column("when", no_wrap=True), "who", "what, and why")
    table.title = f"Labels of {options.model}"
    for entry in entries:
        reason = why(entry) if options.verbose else why_in_short(entry)
        who = str(entry.get("who") or entry.get("by", ""))
        reported = "\n".join(filter(None, [what_changed(entry), reason]))
        table.add_row(str(entry["number"]), str(entry.get("at", "")), who, reported)
    print_table(table)
    return 0


def _person() -> str:
    """Who runs this command, as far as the machine knows."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have a number and no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
