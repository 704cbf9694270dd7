"""The group in a few lines: what limits it, how far behind it is, how many workers it takes, where the time goes."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from worker.commands.common.formatting import printable, rate_text, rough_duration
from worker.commands.top.bottleneck import Limit
from worker.commands.top.rates import CPU_STAGES, IDLE, KAFKA_STAGES, REDIS_STAGES, Rates
from worker.commands.top.view import GroupView

COLOURS: dict[Limit, str] = {
    "input": "green",
    "CPU": "yellow",
    "partitions": "magenta",
    "Kafka": "cyan",
    "Redis": "red",
    "unclear": "dim",
}
_BLOCK = "\N{FULL BLOCK}"
_LABEL_CELLS = 12


def summary(view: GroupView, width: int, clock: str) -> RenderableType:
    """The lines over the tables, for a terminal of so many columns."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", width=_LABEL_CELLS - 1)
    grid.add_column(overflow="fold")
    limit = Text(view.finding.limit, f"bold {COLOURS[view.finding.limit]}")
    grid.add_row(clock, Text(printable(view.versions), "green" if view.agree else "yellow"))
    grid.add_row("limited by", limit.append(f": {view.finding.reason}", "not bold"))
    grid.add_row("lag", _lag(view))
    grid.add_row("records/s", _rates(view))
    grid.add_row("it takes", _needed(view))
    if view.rates is not None:
        grid.add_row("time", _legend(view.rates))
        return Group(grid, _bar(view.rates, width))
    return grid


def _lag(view: GroupView) -> str:
    if not view.partitions:
        return "not known: no worker has a partition"
    remaining = f"{view.lag:,} records left to read on {_count(len(view.partitions), 'partition')}"
    if view.lag:
        remaining += f", the last committed up to {rough_duration(view.oldest_seconds)} old"
    match view.drain.course:
        case "draining":
            return f"{remaining}; drained in {rough_duration(view.drain.seconds or 0.0)}"
        case "never":
            return f"{remaining}; never drained at this pace"
        case "caught up":
            return f"{remaining}: caught up"
    return f"{remaining}, as far as known"


def _rates(view: GroupView) -> str:
    if view.records_per_second is None:
        return "known once each worker has answered twice"
    done = f"{rate_text(view.records_per_second)} are done"
    if view.arriving_per_second is None:
        return done
    return f"{rate_text(view.arriving_per_second)} arrive, {done}"


def _needed(view: GroupView) -> Text:
    if view.needed is None or view.per_worker is None:
        return Text("not known: no worker has had enough to do to show how fast it is")
    within = view.target.drain_seconds
    # From workers that wait for records it is a bound: they could do more than they show.
    reported = f"{'at most ' if view.drain.course == 'caught up' else ''}{_count(view.needed, 'worker')} to keep up"
    if within is not None:
        reported += f" and drain within {rough_duration(within)}"
    if view.needed > len(view.partitions):
        reported += f", but there are only {_count(len(view.partitions), 'partition')} to share"
    basis = f"{rate_text(view.per_worker)}/s each when busy, {view.target.headroom:.0%} kept free"
    basis += f"; {rate_text(view.per_core)} a CPU-second" if view.per_core else ""
    return Text(reported).append(f"\n{basis}; {len(view.workers)} answer", "dim")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _resources(rates: Rates) -> list[tuple[str, float, str]]:
    return [
        ("CPU", rates.share_of(CPU_STAGES), COLOURS["CPU"]),
        ("Kafka", rates.share_of(KAFKA_STAGES), COLOURS["Kafka"]),
        ("Redis", rates.share_of(REDIS_STAGES), COLOURS["Redis"]),
        ("other", rates.other, "white"),
        (IDLE, rates.idle, "bright_black"),
    ]


def _legend(rates: Rates) -> Text:
    return Text("   ").join(
        Text(f"{_BLOCK} ", colour).append(f"{name} {share:.0%}", "default") for name, share, colour in _resources(rates)
    )


def _bar(rates: Rates, width: int) -> Text:
    """The mean worker's time as a line of blocks, each resource in its colour."""
    bar, reached, drawn = Text(" " * _LABEL_CELLS), 0.0, 0
    cells = max(10, width - _LABEL_CELLS - 1)
    for _, share, colour in _resources(rates):
        reached += share
        end = round(min(1.0, reached) * cells)
        bar.append(_BLOCK * (end - drawn), colour)
        drawn = end
    return bar
