"""How late results are while another version is tried beside the stream: a shadow of all reviews, or a canary."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from models.registry.labels import CANARY, SHADOW
from tests.benchmarks import latency
from tests.benchmarks.contenders import Worker
from tests.benchmarks.swaps import two_versions
from tests.benchmarks.workbench import Workbench, note

# A label, and its share of the reviews (shadow) or of their keys (canary).
TRIALS = {"no trial": None, "a shadow of all": (SHADOW, 1.0), "a canary on half of the keys": (CANARY, 0.5)}


def measure(bench: Workbench, workers: Sequence[Worker], rate: float, seconds: float) -> list[dict[str, Any]]:
    """A row as of `latency` for each worker and trial; what is tried is a copy of the version that serves."""
    rows = []
    for worker in workers:
        for name, candidate in TRIALS.items():
            with two_versions(bench, worker) as (following, registry):
                if candidate:
                    registry.set_label(bench.model_name, candidate[0], 2, candidate[1])
                # Nothing is decided meanwhile, or the trial would be over.
                undecided = replace(following, settings={**following.settings, "canary_decision": "off"})
                row = latency.measure_one(bench, undecided, rate, seconds)
            rows.append(row | {"contender": f"{worker.name}; {name}"})
            note(f"trials: {worker.name}, {name}: p99 {row['committed_seconds']['p99'] * 1000:.0f} ms")
    return rows
