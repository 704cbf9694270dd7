"""`python -m worker status`: which worker runs which version, how far behind it is, and whether all agree."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import msgspec
from rich.console import Console
from rich.live import Live

from worker.commands.common.arguments import positive
from worker.commands.group.arguments import add_group_flags, addresses_of, interval
from worker.commands.group.scrape import Address, Answer, Unreachable, scrape_all
from worker.commands.group.state import State, agreement, state_of
from worker.commands.status.tables import picture

_EXAMPLES = """examples:
  python -m worker status --workers worker-1:8000,worker-2:8000
  python -m worker status --workers kafka-sentiment --watch    all addresses that the name has
  python -m worker status --json | jq .agree
  until python -m worker status --workers kafka-sentiment --version 4; do sleep 1; done

exit status: 0 when all answer and serve with one version, that of --version if it is given, and with one canary or
none, no worker refuses a version that is labelled to serve, stable or canary, and Kafka and the model store answer
all of them; else 1. Right after a change of labels all still agree on the version before: wait with --version."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `status`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES
    add_group_flags(parser)
    parser.add_argument(
        "--interval", type=interval, default=1.0, metavar="TIME", help="count records for so long (default: 1s)"
    )
    parser.add_argument(
        "--version", type=positive, metavar="N", help="status 0 only when all serve with version N (canaries aside)"
    )
    parser.add_argument("--watch", action="store_true", help="show it again and again, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="write one JSON object a line, for programs")


def main(arguments: argparse.Namespace) -> int:
    """Show the group; 0 when all workers agree (or Ctrl-C ended --watch), else 1."""
    looks = look(addresses_of(arguments), arguments.interval, arguments.time_limit)
    if not arguments.watch:
        states = next(looks)
        _write(states, arguments, Console())
        return 0 if agreement(states, arguments.version)[0] else 1
    with contextlib.suppress(KeyboardInterrupt):
        _watch(looks, arguments, Console())
    return 0


def look(addresses: Sequence[Address], interval_seconds: float, limit_seconds: float) -> Iterator[Sequence[State]]:
    """The workers' states, again and again; each counts the records since the look before it."""
    before = _by_address(scrape_all(addresses, limit_seconds))
    while True:
        time.sleep(interval_seconds)
        answers = scrape_all(addresses, limit_seconds)
        yield [state_of(answer, before.get(answer.address)) for answer in answers]
        before = _by_address(answers)


def to_json(states: Sequence[State], version: int | None = None) -> Mapping[str, object]:
    """What `--json` writes, with or without `--version`."""
    agree, sentence = agreement(states, version)
    workers = [
        {"address": each.address, "reachable": False, "problems": [each.reason]}
        if isinstance(each, Unreachable)
        else each.to_json()
        for each in states
    ]
    return {"agree": agree, "summary": sentence, "workers": workers}


def _write(states: Sequence[State], arguments: argparse.Namespace, console: Console) -> None:
    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.encode(to_json(states, arguments.version)) + b"\n")
        sys.stdout.buffer.flush()
    else:
        console.print(picture(states, time.time(), arguments.version))


def _watch(looks: Iterator[Sequence[State]], arguments: argparse.Namespace, console: Console) -> None:
    if arguments.json or not console.is_terminal:
        for states in looks:
            _write(states, arguments, console)
        return
    with Live("asking ...", console=console, auto_refresh=False) as live:
        for states in looks:
            live.update(picture(states, time.time(), arguments.version), refresh=True)


def _by_address(answers: Sequence[Answer]) -> dict[str, Answer]:
    return {answer.address: answer for answer in answers}
