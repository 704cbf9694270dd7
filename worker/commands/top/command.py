"""`python -m worker top`: how far behind a group is, what limits it, and how many workers it would take."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec
from rich.console import Console
from rich.live import Live

from worker.commands.common import terminal
from worker.commands.common.arguments import duration_seconds, positive
from worker.commands.group.arguments import add_group_flags, addresses_of, interval
from worker.commands.group.scrape import Address, scrape_all
from worker.commands.top.capacity import HEADROOM_RATIO, Target
from worker.commands.top.rates import Observations
from worker.commands.top.tables import Layout, layout_for, render
from worker.commands.top.view import GroupView, to_json, view

_QUIT = "qQ"
_ROWS = 20
_EXPLAINED = """examples:
  python -m worker top --workers worker-1:8000,worker-2:8000     until q or Ctrl-C
  python -m worker top --workers kafka-sentiment --drain-within 10m   all addresses that the name has
  python -m worker top --once --json | jq .workers_needed

what the figures mean, all of them over the last --over seconds:
  limited by   input       it keeps up and waits for records 10 % of the time or more
               CPU         decode, tokenize, infer and serialize take most of its time, or it fills a core
               Kafka       poll, produce and commit do, or it waits though records are left to read
               Redis       writing to the cache does
               partitions  workers that are behind cannot be helped: others have time to spare (or no partition),
                           or each has one partition and fills its core
               unclear     no step of its loop came to an end for most of the time: a step hangs, or it recovers
  lag          records left to read; age: how old the last committed record is while there are any
  records/s    done: committed by all workers, by one, on a partition; arrive: done and what is added to the lag
  drained      lag / (done - arriving); now: no more is left than is done in a second; never: it does not fall
  it takes     records that arrive / (what a busy worker does x (1 - --headroom)), rounded up; with --drain-within at
               least (arriving + lag / TIME) / what a busy worker does. That is what those do that are behind. Where
               all keep up it is reckoned from what they do meanwhile, as if batches were as large as the largest so
               far: they could do more, for records cost less in large batches, so the figure is an upper bound.
  cores        processor time of the process a second; a worker's loop runs on one core. Much less than its busy share:
               it waits for others, or a limit, before it gets a core
  % of time    by stage; other: no stage that ended (a step that hangs, a recovery), and the work between stages

Workers renew their lags once a second: the longer --over, the more exact. Only workers that are asked count.

exit status: 0; with --once 1 when no worker answers."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `top`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXPLAINED
    add_group_flags(parser)
    parser.add_argument("--every", type=interval, default=2.0, metavar="TIME", help="look again after (default: 2s)")
    parser.add_argument(
        "--over", type=interval, default=6.0, metavar="TIME", help="measure rates over so long (default: 6s)"
    )
    parser.add_argument("--once", action="store_true", help="look twice, --over apart, show it and end")
    parser.add_argument(
        "--headroom",
        type=_share,
        default=HEADROOM_RATIO,
        metavar="RATIO",
        help="share of the workers' time that is to stay free in the long run (default: %(default)s)",
    )
    parser.add_argument(
        "--drain-within",
        type=_above_zero,
        metavar="TIME",
        help="how many workers would drain the lag in this time: 10m, 1h (default: no matter when)",
    )
    parser.add_argument(
        "--rows",
        type=positive,
        metavar="N",
        help=f"most workers and partitions to show, worst first (default: what fits the screen, else {_ROWS})",
    )
    parser.add_argument("--json", action="store_true", help="write one JSON object a line, with all of them")


def main(arguments: argparse.Namespace) -> int:
    """Show the group until told to stop, or once; 1 when it is shown once and no worker answers."""
    target = Target(arguments.headroom, arguments.drain_within)
    group = _Group(addresses_of(arguments), arguments.time_limit, arguments.over, target)
    console = Console()
    if arguments.once:
        group.observation()
        time.sleep(arguments.over)
        found = group.observation()
        _write(found, arguments, console)
        return 0 if found.workers else 1
    with contextlib.suppress(KeyboardInterrupt):
        if arguments.json or not console.is_terminal:
            for found in _looks(group, arguments.every, _sleep):
                _write(found, arguments, console)
        else:
            _live(group, arguments, console)
    return 0


class _Group:
    """The workers that are asked, and what they answered lately."""

    def __init__(self, addresses: Sequence[Address], limit_seconds: float, over_seconds: float, target: Target) -> None:
        self._addresses = addresses
        self._limit_seconds = limit_seconds
        self._target = target
        self._looks = Observations(over_seconds)

    def observation(self) -> GroupView:
        """Ask all of them now."""
        answers = scrape_all(self._addresses, self._limit_seconds)
        self._looks.add(answers)
        return view(answers, self._looks, self._target)


def _looks(group: _Group, every_seconds: float, pause: Callable[[float], bool]) -> Iterator[GroupView]:
    """Look after look, until the pause says that it is enough."""
    due = time.monotonic()
    while True:
        yield group.observation()
        due = max(due + every_seconds, time.monotonic())
        if pause(due - time.monotonic()):
            return


def _sleep(seconds: float) -> bool:
    time.sleep(max(0.0, seconds))
    return False


def _end(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _live(group: _Group, arguments: argparse.Namespace, console: Console) -> None:
    # Whoever ends it otherwise than with a key gets his terminal back, too.
    signal.signal(signal.SIGTERM, _end)
    with terminal.single_keys(), Live("asking ...", console=console, screen=True, auto_refresh=False) as live:
        for found in _looks(group, arguments.every, partial(terminal.pressed, _QUIT)):
            live.update(render(found, _room(found, arguments, console, live=True), _clock()), refresh=True)


def _write(found: GroupView, arguments: argparse.Namespace, console: Console) -> None:
    if arguments.json:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        sys.stdout.buffer.write(msgspec.json.encode(to_json(found, at)) + b"\n")
        sys.stdout.buffer.flush()
    else:
        console.print(render(found, _room(found, arguments, console, live=False), _clock()))


def _room(found: GroupView, arguments: argparse.Namespace, console: Console, live: bool) -> Layout:
    if live and arguments.rows is None:
        return layout_for(found, console)
    rows = arguments.rows or _ROWS
    return Layout(console.width, rows, rows, rows)


def _clock() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share from 0 up to, but not, 1")
    return share


def _above_zero(text: str) -> float:
    seconds = duration_seconds(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to drain anything in")
    return seconds
