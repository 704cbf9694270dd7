"""`python -m worker tail`: sentiments as they are written to the output topic."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from worker.commands.common import connect
from worker.commands.common.arguments import duration_seconds, positive, start_of
from worker.commands.common.consume import Follower
from worker.commands.common.formatting import printable
from worker.kafka.types import Record, Subscription
from worker.messages import Sentiment, decode

_TIME_CELLS = 19
_ID_CELLS = 60
_COLOURS = {"positive": "green", "negative": "red"}
_EXAMPLES = """examples:
  python -m worker tail                            follow from now, until Ctrl-C
  python -m worker tail --since 10m --id r17       what became of one review
  python -m worker tail --from-beginning --exit-at-end --json > sentiments.jsonl"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `tail`."""
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--from-beginning", action="store_true", help="begin with the oldest sentiment, not with now")
    start.add_argument("--since", type=duration_seconds, metavar="TIME", help="begin so long ago: 30s, 10m, 2h, 1d")
    parser.add_argument("--limit", type=positive, metavar="N", help="stop after N sentiments")
    parser.add_argument("--id", metavar="ID", help="only the sentiments of the review with this id")
    parser.add_argument("--exit-at-end", action="store_true", help="stop once there is nothing left to read")
    connect.add_arguments(
        parser, "[--from-beginning | --since TIME] [--id ID] [--limit N] [--exit-at-end] [--json]", _EXAMPLES
    )


def main(arguments: argparse.Namespace) -> int:
    """Show sentiments until the limit, the end or Ctrl-C; always 0."""
    settings = connect.prepare(arguments)
    source = Subscription(settings.output_topic, None, start_of(arguments.since, arguments.from_beginning))
    printer: Printer = JsonPrinter() if arguments.json else LinePrinter(Console(highlight=False, soft_wrap=True))
    try:
        with connect.connected(settings, source) as broker:
            follower = Follower(broker, settings.connection())
            show(polls(follower, arguments.exit_at_end), printer, arguments.id, arguments.limit)
    except KeyboardInterrupt:
        return 0
    return 0


def polls(follower: Follower, exit_at_end: bool) -> Iterator[Sequence[Record]]:
    """Poll after poll, without an end or until nothing is left to read."""
    while not (exit_at_end and follower.at_end()):
        yield follower.poll()


class Printer(Protocol):
    """How sentiments are shown."""

    def print(self, found: Sequence[tuple[Record, Sentiment]]) -> None:
        """Show these now."""


def show(polled: Iterable[Sequence[Record]], printer: Printer, only_id: str | None, limit: int | None) -> int:
    """Print the sentiments among the records until there are `limit`; how many there were.

    Records that hold no sentiment, as another writer may leave them in the topic, are passed over.
    """
    shown = 0
    for records in polled:
        found = [(record, sentiment) for record in records if (sentiment := decode(record.value)) is not None]
        if only_id is not None:
            found = [(record, sentiment) for record, sentiment in found if sentiment.id == only_id]
        found = found if limit is None else found[: limit - shown]
        if found:
            printer.print(found)
        shown += len(found)
        if shown == limit:
            break
    return shown


class JsonPrinter:
    """Output objects as they are, one a line."""

    def print(self, found: Sequence[tuple[Record, Sentiment]]) -> None:
        # A line break between two fields, as a foreign writer may put there, means no more than a space.
        sys.stdout.buffer.writelines((record.value or b"").replace(b"\n", b" ") + b"\n" for record, _ in found)
        sys.stdout.buffer.flush()


class LinePrinter:
    """Columns under a heading, for people."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._headed = False

    def print(self, found: Sequence[tuple[Record, Sentiment]]) -> None:
        if not self._headed:
            heading = _columns("scored at (UTC)", "sentiment", "score", "coverage", "model", "id")
            self._console.print(Text(heading, style="bold"))
            self._headed = True
        for _, sentiment in found:
            self._console.print(line(sentiment))


def line(sentiment: Sentiment) -> Text:
    """One sentiment as a line."""
    time = printable(sentiment.scored_at)[:_TIME_CELLS].replace("T", " ")
    name = printable(sentiment.sentiment)
    score = f"{sentiment.scores.get(sentiment.sentiment, 0.0):.3f}"
    model = f"{printable(sentiment.model)}@{sentiment.version}"
    text = Text(_columns(time, name, score, f"{sentiment.coverage:.0%}", model, printable(sentiment.id)))
    text.stylize(_COLOURS.get(sentiment.sentiment, "yellow"), _TIME_CELLS + 2, _TIME_CELLS + 2 + len(name))
    return text


def _columns(time: str, sentiment: str, score: str, coverage: str, model: str, review_id: str) -> str:
    if cell_len(review_id) > _ID_CELLS:
        review_id = set_cell_size(review_id, _ID_CELLS - 1) + "\N{HORIZONTAL ELLIPSIS}"
    # The id stands last, where it may be as long as it is.
    return f"{time:<{_TIME_CELLS}}  {sentiment:<10} {score:>5}  {coverage:>8}  {model:<8}  {review_id}"
