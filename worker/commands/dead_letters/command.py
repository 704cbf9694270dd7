"""`python -m worker dead-letters`: what was dead-lettered and why (`list`), and sending it again (`replay`)."""

from __future__ import annotations

import argparse
import heapq
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from worker.commands.common import connect
from worker.commands.common.arguments import duration_seconds, positive, start_of
from worker.commands.common.consume import read_to_end
from worker.commands.common.formatting import printable, rough_duration
from worker.commands.dead_letters import replay
from worker.commands.dead_letters.letter import DeadLetter, add_reason_flag, has_reason
from worker.kafka.types import Record, Subscription

_SHOWN_DEAD_LETTERS = 100
_EXAMPLES = """examples:
  python -m worker dead-letters list --since 1d --reason invalid
  python -m worker dead-letters list --json | jq .error"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `list` and `replay`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"{_EXAMPLES}\n{replay.EXAMPLES}"
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show what was dead-lettered, and why")
    listing.set_defaults(act=list_dead_letters)
    add_reason_flag(listing, "only dead letters with this reason")
    listing.add_argument("--since", type=duration_seconds, metavar="TIME", help="only the last 30s, 10m, 2h, 1d")
    listing.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help=f"only the newest N (default: {_SHOWN_DEAD_LETTERS} in the table, all as JSON)",
    )
    connect.add_arguments(listing, "[--reason REASON] [--since TIME] [--limit N] [--json]", _EXAMPLES)
    again = actions.add_parser("replay", help="send dead letters to the input topic again; a dry run unless told to")
    again.set_defaults(act=replay.main)
    replay.add_arguments(again)


def main(arguments: argparse.Namespace) -> int:
    """Run the action."""
    return int(arguments.act(arguments))


def list_dead_letters(arguments: argparse.Namespace) -> int:
    """Show dead letters, the newest last."""
    settings = connect.prepare(arguments)
    subscription = Subscription(settings.dead_letter_topic, None, start_of(arguments.since, arguments.since is None))
    with connect.connected(settings, subscription) as broker:
        dead_letters = found(read_to_end(broker, settings), arguments.reason)
        if arguments.json:
            _write_json(_newest(dead_letters, arguments.limit) if arguments.limit else dead_letters)
        else:
            counts: Counter[str] = Counter()
            newest = _newest(_counted(dead_letters, counts), arguments.limit or _SHOWN_DEAD_LETTERS)
            show(Console(), newest, counts, time.time())
    return 0


def found(polled: Iterable[Sequence[Record]], reasons: Sequence[str] | None) -> Iterator[DeadLetter]:
    """The wanted dead letters among the records."""
    for records in polled:
        for record in records:
            dead_letter = DeadLetter.of(record)
            if has_reason(dead_letter, reasons):
                yield dead_letter


def show(console: Console, dead_letters: Sequence[DeadLetter], counts: Counter[str], now: float) -> None:
    """A table and a closing sentence."""
    if dead_letters:
        table = Table("topic/partition/offset", "reason", "error", "attempts", "age")
        for column in ("attempts", "age"):
            next(each for each in table.columns if each.header == column).justify = "right"
        for dead_letter in dead_letters:
            location = f"{dead_letter.topic}/{dead_letter.partition}/{dead_letter.offset}"
            age = rough_duration(now - dead_letter.set_aside_ms / 1000)
            table.add_row(
                *map(printable, (location, dead_letter.reason, dead_letter.error, str(dead_letter.attempts), age))
            )
        console.print(table, markup=False)
    total = counts.total()
    by_reason = ", ".join(f"{count:,} {printable(reason)}" for reason, count in counts.most_common())
    hidden = f"; the newest {len(dead_letters):,} are shown (--limit)" if len(dead_letters) < total else ""
    console.print(
        f"{total:,} dead letter{'' if total == 1 else 's'}: {by_reason}{hidden}" if total else "No dead letters.",
        markup=False,
        highlight=False,
    )


def _counted(dead_letters: Iterable[DeadLetter], counts: Counter[str]) -> Iterator[DeadLetter]:
    for dead_letter in dead_letters:
        counts[dead_letter.reason] += 1
        yield dead_letter


def _write_json(dead_letters: Iterable[DeadLetter]) -> None:
    for dead_letter in dead_letters:
        sys.stdout.buffer.write(msgspec.json.encode(dead_letter.to_json()) + b"\n")
    sys.stdout.buffer.flush()


def _newest(dead_letters: Iterable[DeadLetter], limit: int) -> list[DeadLetter]:
    newest = heapq.nlargest(limit, dead_letters, key=lambda each: (each.set_aside_ms, each.partition, each.offset))
    return newest[::-1]
