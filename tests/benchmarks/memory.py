"""Resident memory of a worker as reviews go by, and how long after its start the first result is there."""

from collections.abc import Sequence
from typing import Any

from tests.benchmarks.contenders import Worker
from tests.benchmarks.runs import run
from tests.benchmarks.workbench import Workbench, note


def measure(bench: Workbench, workers: Sequence[Worker], marks: Sequence[int]) -> list[dict[str, Any]]:
    """One row a worker: memory in bytes after each number of reviews in `marks`, at its highest, and the start."""
    rows = []
    for worker in workers:
        result = run(bench, worker, max(marks), tuple(marks))
        note(f"memory: {worker.name}: {result.last.memory_bytes / 1e6:,.0f} MB after {max(marks):,} reviews")
        rows.append(
            {
                "contender": worker.name,
                "memory_bytes_after": {str(mark): result.marks[mark] for mark in sorted(marks)},
                "peak_memory_bytes": result.peak_memory_bytes,
                "first_result_seconds": result.first.seconds,
                "reviews_per_cpu_second": round(result.reviews_per_cpu_second, 1),
            }
        )
    return rows
