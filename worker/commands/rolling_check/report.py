"""What a check says at the end: a table, the versions, one sentence; or one JSON object."""

from __future__ import annotations

import sys

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.commands.rolling_check.statistics import PhaseStatistics
from worker.commands.rolling_check.verdict import Report

_COLUMNS = ("phase", "s", "sent", "answered", "lost", "duplicated", "reordered", "p50", "p99", "max", "pause")
_WIDTH = 110


def show(report: Report, as_json: bool) -> None:
    """Write the report to standard output."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(report.to_json()).decode() + "\n")
        return
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _WIDTH) if not console.is_terminal else console.width
    console.print(_table(report))
    for line in _lines(report):
        console.print(line, markup=False)
    for problem in report.problems:
        console.print(Text(problem, style="red"))
    for note in report.notes:
        console.print(note, markup=False)
    console.print(verdict(report))


def verdict(report: Report) -> Text:
    """The last line: whether the group passed."""
    sent = sum(phase.sent for phase in report.phases)
    if report.passed:
        return Text(f"Passed: {sent:,} reviews, each answered once and in order, all within the limits.", "bold green")
    count = len(report.problems)
    return Text(f"Failed: {count} problem{'' if count == 1 else 's'} with {sent:,} reviews.", "bold red")


def _table(report: Report) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name == "phase" else "right")
    for phase in report.phases:
        table.add_row(*_cells(phase))
    return table


def _cells(phase: PhaseStatistics) -> list[str]:
    counts = (phase.sent, phase.answered, phase.lost, phase.duplicated, phase.reordered)
    times = (phase.p50_seconds, phase.p99_seconds, phase.max_seconds, phase.pause_seconds)
    return [phase.name, f"{phase.seconds:.1f}", *(f"{count:,}" for count in counts), *map(_milliseconds, times)]


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:,.0f} ms"


def _lines(report: Report) -> list[str]:
    lines = [
        "Latency: from sending until a reader of committed records has the sentiment. Pause: the longest that a "
        "partition had a review to score and brought nothing."
    ]
    for statistics in report.versions:
        name = f"version {statistics.version}" if statistics.version else "another model"
        lines.append(
            f"{name}: {statistics.sentiments:,} sentiments, "
            f"{statistics.first_seconds:.1f} to {statistics.last_seconds:.1f} s"
        )
    if report.mixed_seconds:
        lines.append(f"Both versions answered for {report.mixed_seconds:.1f} s.")
    lines += [f"{event.at:6.1f} s  {event.text}" for event in report.events]
    if not any(phase.name == "restarts" for phase in report.phases):
        lines.append("No worker was restarted (those of a running group are by --restart-command).")
    return lines
