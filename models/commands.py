"""What the commands of `python -m models` do; each returns the exit status."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich.table import Table

from models.artifact import MANIFEST_FILE, SIGNATURE_FILE, read_manifest
from models.errors import BrokenArtifact, ModelNotFound
from models.label_words import labels_in_words
from models.lines import BadLine, Review, in_groups, parse_review, score_reviews
from models.registry import Registry, Resolved
from models.scorer import Scorer
from models.signatures import check_signature, read_private_key, read_public_keys, signature_of
from models.tables import print_table

TEXTS_AT_ONCE = 512
SHOWN_TEXT_CHARACTERS = 60


def score(options: argparse.Namespace) -> int:
    """Scores arguments, files and standard input in that order; 1 when a line was no valid input object."""
    scorer = Scorer.load(_resolve(options).path)
    reader = _Reader(options)
    as_json = options.json or options.jsonl
    at_once = 1 if sys.stdin.isatty() and reader.uses_stdin else TEXTS_AT_ONCE
    for reviews in in_groups(reader.reviews(), at_once):
        outputs = score_reviews(scorer, reviews)
        if as_json:
            sys.stdout.writelines(_json_line(output) for output in outputs)
            sys.stdout.flush()
        else:
            _print_scores(reviews, outputs)
    return 1 if reader.bad_lines else 0


class _Reader:
    """The reviews that a command line names; counts the lines that were none and says so, one sentence each."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.bad_lines = 0
        self.uses_stdin = not options.texts and not options.file
        self._options = options

    def reviews(self) -> Iterator[Review]:
        for place, text in enumerate(self._options.texts, start=1):
            yield Review(f"argument-{place}", text, {})
        for path in self._options.file:
            with _open(path) as stream:
                yield from self._lines(stream, str(path))
        if self.uses_stdin:
            sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
            yield from self._lines(sys.stdin, "line")

    def _lines(self, stream: TextIO, source: str) -> Iterator[Review]:
        for number, line in enumerate(stream, start=1):
            line_id = f"{source[-200:]}-{number}"
            if not line.strip():
                continue
            if not self._options.jsonl:
                yield Review(line_id, line.rstrip("\r\n"), {})
                continue
            try:
                yield parse_review(line, line_id)
            except BadLine as error:
                self.bad_lines += 1
                where = f"line {number}" if source == "line" else f"{source}, line {number}"
                sys.stderr.write(f"Skipped {where}: {error}.\n")


def list_models(options: argparse.Namespace) -> int:
    registry = Registry(options.store)
    names = registry.names()
    versions = {name: registry.versions(name) for name in names}
    labels = {name: registry.labels(name) for name in names}
    if options.json:
        models = {name: {"versions": versions[name], "labels": labels[name]} for name in names}
        sys.stdout.write(_json_line(models))
        return 0
    table = Table("model", "versions", "labels")
    for name in names:
        table.add_row(name, ", ".join(map(str, versions[name])), labels_in_words(labels[name]))
    print_table(table)
    return 0


def show(options: argparse.Namespace) -> int:
    manifest = read_manifest(_resolve(options).path).to_json()
    if options.json:
        sys.stdout.write(_json_line(manifest))
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
    sys.stdout.write(_json_line(answer) if options.json else sentence)
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
    sys.stdout.write(_json_line(answer) if options.json else sentence)
    return 0


def _resolve(options: argparse.Namespace) -> Resolved:
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


def _open(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ModelNotFound(f"Cannot read {path}: {error.strerror}.") from error


def _json_line(value: Any) -> str:
    return json.dumps(value) + "\n"


def _print_scores(reviews: list[Review], outputs: list[dict[str, Any]]) -> None:
    table = Table("sentiment", *outputs[0]["scores"], "coverage", "text")
    for review, output in zip(reviews, outputs, strict=True):
        shares = [f"{share:.3f}" for share in output["scores"].values()]
        shown = " ".join(review.text.split())
        shown = shown if len(shown) <= SHOWN_TEXT_CHARACTERS else shown[: SHOWN_TEXT_CHARACTERS - 1] + "\u2026"
        table.add_row(output["sentiment"], *shares, f"{output['coverage']:.2f}", shown)
    print_table(table)
