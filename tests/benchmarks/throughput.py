"""Reviews per CPU-second and per second of the worker and the baselines, on a topic that is full already."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from tests.benchmarks.contenders import Baseline, Contender
from tests.benchmarks.runs import Run, run
from tests.benchmarks.workbench import Workbench, note

FIGURES = ("reviews_per_cpu_second", "reviews_per_cpu_second_of_life", "reviews_per_second", "first_result_seconds")


def measure(
    bench: Workbench, workers: Sequence[Contender], baselines: Sequence[Baseline], reviews: int, repeats: int
) -> list[dict[str, Any]]:
    """One row a contender with the median of its runs, all runs, and its ratios to the baselines.

    The contenders take turns, so that what slows the machine down for a while slows all of them down.
    """
    contenders = [*baselines, *workers]
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for repeat in range(repeats):
        for contender in contenders:
            runs[contender.name].append(result := run(bench, contender, reviews))
            note(
                f"throughput {repeat + 1}/{repeats}: {contender.name}: "
                f"{result.reviews_per_cpu_second:,.0f} reviews per CPU-second"
            )
    rows = [row(contender, runs[contender.name]) for contender in contenders]
    for each in rows:
        each["ratios"] = {
            base["contender"]: round(each["reviews_per_cpu_second"] / base["reviews_per_cpu_second"], 2)
            for base in rows[: len(baselines)]
        }
    return rows


def row(contender: Contender, runs: Sequence[Run]) -> dict[str, Any]:
    """The medians of a contender's runs, and the runs themselves."""
    every = [result.to_json() for result in runs]
    medians = {figure: median(each[figure] for each in every) for figure in FIGURES}
    stages = {name: median(each.stage_microseconds[name] for each in runs) for name in runs[0].stage_microseconds}
    return {
        "contender": contender.name,
        "redis": contender.cache,
        "exactly_once": contender.exactly_once,
        "reviews": runs[0].last.results,
        **medians,
        "peak_memory_bytes": max(each.peak_memory_bytes for each in runs),
        "end_memory_bytes": max(each.last.memory_bytes for each in runs),
        "stage_microseconds": stages,
        "runs": every,
    }
