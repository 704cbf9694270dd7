"""How a look at a group is shown: a summary, the workers, where their time goes, the partitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from worker.commands.common.formatting import cell, new_table, ranges, rate_text, rough_duration
from worker.commands.top.capacity import Drain
from worker.commands.top.rates import Rates
from worker.commands.top.summary import COLOURS, summary
from worker.commands.top.view import GroupView, PartitionView, WorkerView
from worker.observability.metrics import STAGES

WIDE = 110


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of the terminal, and the most workers (their figures, their stages) and partitions to show."""

    width: int
    workers: int
    stages: int
    partitions: int


def layout_for(view: GroupView, console: Console) -> Layout:
    """What fits the screen: rows are taken away, first from the longest list, until all of it does."""
    height, rows = console.height, len(view.workers)
    behind = sum(each.lag > 0 for each in view.partitions)
    layout = Layout(console.width, min(max(rows, len(view.silent)), height), min(rows, height), min(behind, height))
    while (excess := len(console.render_lines(render(view, layout, ""), pad=False)) - height) > 0:
        workers, stages, partitions = layout.workers, layout.stages, layout.partitions
        if stages and stages >= max(workers, partitions):
            layout = replace(layout, stages=max(0, stages - max(1, excess // 3)))
        elif partitions > max(1, workers):
            layout = replace(layout, partitions=max(1, partitions - max(1, excess // 3)))
        elif workers > 1:
            layout = replace(layout, workers=max(1, workers - max(1, excess // 3)))
        elif stages:
            layout = replace(layout, stages=stages - 1)
        else:
            break
    return layout


def render(view: GroupView, layout: Layout, clock: str) -> RenderableType:
    """All of it; `clock` is the time to show."""
    parts: list[RenderableType] = [summary(view, layout.width, clock), ""]
    if view.workers:
        parts += [*_workers(view, layout), ""]
    if problems := _problems(view):
        parts += [_problem_table(problems, layout), ""]
    if view.workers:
        parts += [*_stages(view, layout), ""]
    if view.partitions:
        parts += _partitions(view, layout)
    return Group(*parts)


def _workers(view: GroupView, layout: Layout) -> list[RenderableType]:
    wide = layout.width >= WIDE
    columns = ["worker", "limited by", "version", ">partitions" if wide else ">parts", ">lag", ">drained"]
    table = _kept_whole(new_table(*columns, ">records/s", ">cores"))
    for each in view.workers[: layout.workers]:
        lag = f"{each.lag:,}" if each.state.lags else ""
        partitions = _shortened(ranges(each.state.lags)) if wide else str(len(each.state.lags))
        rates = each.rates
        table.add_row(
            cell(each.state.address),
            _limited(each),
            cell(each.state.main or "none", "" if each.state.main else "red"),
            partitions,
            lag,
            drained(each.drain) if each.state.lags else "",
            rate_text(rates.records_per_second if rates else None),
            "" if rates is None or rates.cores is None else f"{rates.cores:.2f}",
        )
    return [table, *_more(len(view.workers) - layout.workers, "worker", "less behind")]


def _limited(worker: WorkerView) -> Text:
    if not worker.state.alive:
        return cell("not alive", "bold red")
    return cell(worker.finding.limit, COLOURS[worker.finding.limit])


def _problems(view: GroupView) -> list[tuple[str, str]]:
    """Address and what is wrong there."""
    found = [(each.address, f"no answer: {each.reason}") for each in view.silent]
    for each in view.workers:
        reported = [*each.state.problems] if not (each.state.ready and each.state.alive) else []
        reported += [f"{version.name} ({version.label}) is refused" for version in each.state.refused]
        if each.rates and each.rates.redone:
            reported.append(f"batches done again: {each.rates.redone}")
        if each.rates and each.rates.cache_errors:
            reported.append(f"batches that did not reach the cache: {each.rates.cache_errors}")
        if reported:
            found.append((each.state.address, "; ".join(reported)))
    return found


def _problem_table(problems: Sequence[tuple[str, str]], layout: Layout) -> RenderableType:
    table = new_table("worker", "what is wrong")
    for address, problem in problems[: layout.workers]:
        table.add_row(cell(address), cell(problem, "red"))
    return Group(table, *_more(len(problems) - layout.workers, "worker", "with something wrong"))


def _stages(view: GroupView, layout: Layout) -> list[RenderableType]:
    """Each worker's time in per cent by stage, under the mean of all."""
    # On a narrow terminal there is no room for what is missing to 100.
    wide = layout.width >= WIDE
    table = _kept_whole(new_table("% of time", *(f">{stage}" for stage in (*STAGES, *(["other"] if wide else [])))))
    if not wide:
        table.padding = 0
    mean = view.rates
    if mean is None:
        return [Text("Where the time goes is known from the second look on.", "dim")]
    table.add_row(cell("mean", "bold"), *_percentages(mean, wide))
    measured = [(each.state.address, each.rates) for each in view.workers if each.rates is not None]
    if len(measured) > 1:
        for address, rates in measured[: layout.stages]:
            table.add_row(cell(address), *_percentages(rates, wide))
    return [table]


def _percentages(rates: Rates, with_other: bool) -> list[Text]:
    values = [*(rates.shares.get(stage, 0.0) for stage in STAGES), *([rates.other] if with_other else [])]
    return [cell(f"{value * 100:.0f}", "dim" if value < 0.005 else "bold" if value >= 0.3 else "") for value in values]


def _partitions(view: GroupView, layout: Layout) -> list[RenderableType]:
    behind = [each for each in view.partitions if each.lag]
    if not behind:
        return [Text("No partition has anything left to read.", "dim")]
    table = new_table("partition", "worker", ">lag", ">age", ">records/s", ">lag grows", ">drained")
    for each in behind[: layout.partitions]:
        table.add_row(
            str(each.number),
            cell(each.worker),
            f"{each.lag:,}",
            rough_duration(each.age_seconds),
            rate_text(each.records_per_second),
            _change(each),
            drained(each.drain),
        )
    rest = len(view.partitions) - len(behind)
    reported = [Text(f"{rest} more {_plural(rest, 'partition')} with nothing left to read.", "dim")] if rest else []
    return [table, *_more(len(behind) - layout.partitions, "partition", "less behind"), *reported]


def _change(partition: PartitionView) -> str:
    return "" if partition.change_per_second is None else f"{partition.change_per_second:+,.0f}/s"


def _kept_whole(table: Table) -> Table:
    """Let only the first column, the workers' names, be broken where the terminal is narrow."""
    for column in table.columns[1:]:
        column.no_wrap = True
    return table


def drained(drain: Drain) -> Text:
    """When all is read, for a table."""
    if drain.course == "draining" and drain.seconds is not None:
        return cell(f"in {rough_duration(drain.seconds)}", "yellow")
    return {"caught up": cell("now", "green"), "never": cell("never", "red")}.get(drain.course, cell("?", "dim"))


def _more(count: int, noun: str, how: str) -> list[RenderableType]:
    return [Text(f"{count} more {_plural(count, noun)} {how}.", "dim")] if count > 0 else []


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _shortened(text: str, cells: int = 24) -> str:
    return text if len(text) <= cells else text[: cells - 1].rsplit(",", 1)[0] + ", \N{HORIZONTAL ELLIPSIS}"
