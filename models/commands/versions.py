"""`models list | show | verify | sign`: what there is to know about versions."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.table import Table

from models.artifact import MANIFEST_FILE, SIGNATURE_FILE, read_manifest
from models.commands.formatting import labels_in_words, print_table
from models.errors import BrokenArtifact
from models.registry.registry import Registry, Resolved
from models.scorer import Scorer
from models.signatures import check_signature, read_private_key, read_public_keys, signature_of


def list_models(options: argparse.Namespace) -> int:
    registry = Registry(options.store)
    names = registry.names()
    versions = {name: registry.versions(name) for name in names}
    labels = {name: registry.labels(name) for name in names}
    if options.json:
        models = {name: {"versions": versions[name], "labels": labels[name]} for name in names}
        sys.stdout.write(json_line(models))
        return 0
    table = Table("model", "versions", "labels")
    for name in names:
        table.add_row(name, ", ".join(map(str, versions[name])), labels_in_words(labels[name]))
    print_table(table)
    return 0


def show(options: argparse.Namespace) -> int:
    manifest = read_manifest(resolve(options).path).to_json()
    if options.json:
        sys.stdout.write(json_line(manifest))
        return 0
    table = Table("field", "value", show_header=False)
    for name, value in manifest.items():
        table.add_row(name, value if isinstance(value, str) else json.dumps(value, indent=1))
    print_table(table)
    return 0


def verify(options: argparse.Namespace) -> int:
    keys = read_public_keys(options.public_key) if options.public_key else ()
    with _without_copies(options.store) as registry:
        resolved = registry.resolve(options.model)
        Scorer.load_version(resolved, public_keys=keys)
    answer = {"model": resolved.name, "version": resolved.version, "ok": True}
    signed = " is signed," if keys else ""
    sentence = (
        f"{resolved.name} version {resolved.version}{signed} is as it was published, "
        "and scores its golden set as then.\n"
    )
    sys.stdout.write(json_line(answer) if options.json else sentence)
    return 0


def sign(options: argparse.Namespace) -> int:
    """Signs a version that holds; an older signature is replaced, and one of another key is told of."""
    key = read_private_key(options.key)
    with _without_copies(options.store) as registry:
        resolved = registry.resolve(options.model)
        Scorer.load_version(resolved)
        manifest = (resolved.path / MANIFEST_FILE).read_bytes()
        replaced = False
        if (resolved.path / SIGNATURE_FILE).exists():
            try:
                check_signature(resolved.path, manifest, [key.public_key()])
            except BrokenArtifact:
                replaced = True
        registry.add_signature(resolved, signature_of(manifest, key))
    answer = {"model": resolved.name, "version": resolved.version, "signed": True, "replaced_another": replaced}
    before = "; the signature that it had was not of this key, and is gone" if replaced else ""
    sentence = f"{resolved.name} version {resolved.version} is signed{before}.\n"
    sys.stdout.write(json_line(answer) if options.json else sentence)
    return 0


def resolve(options: argparse.Namespace) -> Resolved:
    """The version that a command is about; says so when it may not be the one that the store would name by now."""
    registry = Registry(options.store)
    resolved = registry.resolve(options.model)
    if registry.away:
        sys.stderr.write(f"{registry.away} Version {resolved.version} is the one seen last.\n")
    return resolved


@contextmanager
def _without_copies(store: str | Path) -> Iterator[Registry]:
    """The store itself: copies that were fetched earlier may be sound where the store is not."""
    with tempfile.TemporaryDirectory(prefix="models-") as nothing:
        yield Registry(store, Path(nothing))


def json_line(value: Any) -> str:
    return json.dumps(value) + "\n"
