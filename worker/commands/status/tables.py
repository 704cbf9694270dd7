"""How a group of workers looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from worker.commands.common.formatting import cell, new_table, printable, ranges, rate_text, rough_duration
from worker.commands.group.scrape import Unreachable
from worker.commands.group.state import NO_LONGER, State, VersionState, WorkerState, agreement


def picture(states: Sequence[State], now: float, version: int | None = None) -> RenderableType:
    """Two tables and a closing sentence, which is about a version if one is named; `now` in seconds of the epoch."""
    agree, sentence = agreement(states, version)
    closing = Text(f"{printable(sentence)}.", style="green" if agree else "yellow")
    found = [each for each in states if isinstance(each, WorkerState)]
    parts: list[RenderableType] = [_workers_table(states), ""]
    if any(each.versions or each.refused for each in found):
        parts += [_versions_table(found, now), ""]
    return Group(*parts, closing)


def _workers_table(states: Sequence[State]) -> Table:
    table = new_table("worker", "build", "state", "partitions", ">lag", ">records/s")
    for each in states:
        if isinstance(each, Unreachable):
            table.add_row(cell(each.address), "", cell(f"unreachable: {each.reason}", "red"))
            continue
        lag = f"{sum(each.lags.values()):,}" if each.lags else ""
        condition, rate = _condition(each), rate_text(each.records_per_second)
        table.add_row(cell(each.address), cell(each.build or ""), condition, ranges(each.lags), lag, rate)
    return table


def _condition(worker: WorkerState) -> Text:
    if worker.ready and worker.alive:
        if worker.outages:
            return cell(f"ready, but {', and '.join(worker.outages)}", "red")
        return cell("ready", "green")
    name = "not ready" if worker.alive else "not alive"
    return cell(f"{name}: {', '.join([*worker.problems, *worker.outages])}", "red")


def _versions_table(workers: Sequence[WorkerState], now: float) -> Table:
    classes = list(dict.fromkeys(name for each in workers for version in each.versions for name in version.sentiments))
    table = new_table("worker", "version", "label", "since", *(f">{name}" for name in classes))
    for worker in workers:
        address = cell(worker.address)
        for version in worker.versions:
            counts = (f"{version.sentiments.get(name, 0):,}" for name in classes)
            table.add_row(address, cell(version.name), _label(version), _since(version, now), *counts)
            address = cell("")
        for refused in worker.refused:
            table.add_row(address, cell(refused.name), cell(refused.label, "red"), cell("refused", "red"))
            address = cell("")
    return table


def _label(version: VersionState) -> Text:
    return cell("before", "dim") if version.label == NO_LONGER else cell(version.label)


def _since(version: VersionState, now: float) -> str:
    return "" if version.since is None else f"{rough_duration(now - version.since)} ago"
