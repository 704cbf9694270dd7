"""`models score`: scores of texts, of the lines of files, or of input objects."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from rich.table import Table

from models.commands.formatting import print_table
from models.commands.json_lines import BadLine, Review, in_groups, parse_review, score_reviews
from models.commands.versions import json_line, resolve
from models.errors import ModelNotFound
from models.scorer import Scorer

TEXTS_AT_ONCE = 512
SHOWN_TEXT_CHARACTERS = 60


def score(options: argparse.Namespace) -> int:
    """Scores arguments, files and standard input in that order; 1 when a line was no valid input object."""
    scorer = Scorer.load(resolve(options).path)
    reader = _Reader(options)
    as_json = options.json or options.jsonl
    at_once = 1 if sys.stdin.isatty() and reader.uses_stdin else TEXTS_AT_ONCE
    for reviews in in_groups(reader.reviews(), at_once):
        outputs = score_reviews(scorer, reviews)
        if as_json:
            sys.stdout.writelines(json_line(output) for output in outputs)
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
        for index, text in enumerate(self._options.texts, start=1):
            yield Review(f"argument-{index}", text, {})
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


def _open(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ModelNotFound(f"Cannot read {path}: {error.strerror}.") from error


def _print_scores(reviews: list[Review], outputs: list[dict[str, Any]]) -> None:
    table = Table("sentiment", *outputs[0]["scores"], "coverage", "text")
    for review, output in zip(reviews, outputs, strict=True):
        shares = [f"{share:.3f}" for share in output["scores"].values()]
        shown = " ".join(review.text.split())
        shown = shown if len(shown) <= SHOWN_TEXT_CHARACTERS else shown[: SHOWN_TEXT_CHARACTERS - 1] + "\u2026"
        table.add_row(output["sentiment"], *shares, f"{output['coverage']:.2f}", shown)
    print_table(table)
