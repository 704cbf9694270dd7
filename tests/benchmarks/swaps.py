"""How long the stream pauses when a new version comes into service, beside how long it pauses anyway.

Reviews come at a steady rate. Every other window begins with a change of the label; the pause of a window is the
longest time in which no result became visible to a reader of committed records. That is also the time of Kafka and of
those who send and read on the same machine; of the loop alone, on a Kafka in memory, it is the longest turn.
"""

import gc
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deploy.local.rolling_check import publish_copy
from models.registry.registry import STABLE, Registry
from models.scorer import Scorer
from tests.benchmarks.contenders import Task, Worker
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.latency import Feed
from tests.benchmarks.outputs import Output, check
from tests.benchmarks.workbench import Workbench, note
from tests.reviews import sample
from tests.worker.stream import Stream
from worker.observability.metrics import Metrics
from worker.serving import memory
from worker.serving.versions import Versions
from worker.serving.watcher import ModelWatch

QUANTILES = (0.5, 0.99)
WINDOW_SECONDS = 1.5
PRIMING_SECONDS = 3.0
POLL_SECONDS = "0.1"
LOOP = "the loop alone, on a Kafka in memory"
# A version is loaded in small pieces beside the stream, with rests that are longer than the work.
LOOP_WINDOW_SECONDS = 3.0
LOOP_LIMIT_SECONDS = 60.0
LOOP_YIELD_SECONDS = 0.002


def measure(bench: Workbench, workers: Sequence[Worker], rate: float, swaps: int) -> list[dict[str, Any]]:
    """One row a worker: pauses in seconds of as many windows with a swap as without."""
    rows = []
    for worker in workers:
        rows.append(row := measure_one(bench, worker, rate, swaps))
        reported = (f"{row[f'{kind}_seconds']['p99'] * 1000:.0f} ms {kind} a swap" for kind in ("with", "without"))
        note(f"swaps: {worker.name}: p99 of pauses {', '.join(reported)}")
    rows.append(row := measure_loop(bench, rate, swaps))
    note(f"swaps: {LOOP}: p99 {row['with_seconds']['p99'] * 1000:.0f} ms")
    return rows


def measure_loop(bench: Workbench, rate: float, swaps: int) -> dict[str, Any]:
    """The longest turns of the loop by itself, in seconds, in as many windows with a swap as without."""
    name, metrics = bench.model_name, Metrics()
    longest: dict[str, list[float]] = {"with": [], "without": []}
    served: set[int] = set()
    with _two_copies(bench) as registry:
        versions = Versions(
            name, lambda version, rest: Scorer.load(registry.resolve(f"{name}@{version}").path, yield_cpu=rest), metrics
        )
        watch = ModelWatch(registry, name, STABLE, versions, metrics)
        watch.open()
        watch.watch(float(POLL_SECONDS))
        try:
            for number in range(swaps):
                served.add(wanted := 2 - number % 2)
                follow = partial(registry.set_label, name, STABLE, wanted)
                longest["with"].append(max(_turns(watch, rate, wanted, follow)))
                longest["without"].append(max(_turns(watch, rate, wanted)))
        finally:
            watch.close()
            gc.unfreeze()
    quantiles = {f"{kind}_seconds": _quantiles(each) for kind, each in longest.items()}
    return {"contender": LOOP, "rate": rate, "swaps": swaps, "versions": sorted(served), **quantiles}


def _turns(watch: ModelWatch, rate: float, wanted: int, begin: Callable[[], object] = lambda: None) -> list[float]:
    """How long each turn of a window took; the window ends when the wanted version is in use, and not too soon."""
    stream, texts = Stream(watch.active_versions().stable), sample().texts
    memory.freeze_gc()
    turns: list[float] = []
    began, sent = time.monotonic(), 0
    begin()
    while (passed := time.monotonic() - began) < LOOP_WINDOW_SECONDS or stream.active_versions.stable.version != wanted:
        if passed > LOOP_LIMIT_SECONDS:
            raise BenchmarkError(f"version {wanted} was not in use after {LOOP_LIMIT_SECONDS} s")
        due = int(passed * rate)
        stream.send(*({"id": str(each), "text": texts[each % len(texts)]} for each in range(sent, due)))
        started, sent = time.perf_counter(), due
        stream.active_versions = watch.active_versions()
        stream.pipeline.turn()
        turns.append(time.perf_counter() - started)
        time.sleep(LOOP_YIELD_SECONDS)
    return turns


def measure_one(bench: Workbench, worker: Worker, rate: float, swaps: int) -> dict[str, Any]:
    """The pauses of one worker. Raises BenchmarkError when results are missing, wrong or duplicated."""
    with two_versions(bench, worker) as (following, registry):
        windows, found = _run(bench, following, rate, swaps, registry)
    kinds = {"with": windows[::2], "without": windows[1::2]}
    moments = np.unique([output.visible_at for output in found])
    return {
        "contender": worker.name,
        "rate": rate,
        "swaps": swaps,
        "versions": sorted({output.version for output in found}),
        **{f"{kind}_seconds": _quantiles([longest(moments, start) for start in kinds[kind]]) for kind in kinds},
    }


@contextmanager
def two_versions(bench: Workbench, worker: Worker) -> Iterator[tuple[Worker, Registry]]:
    """The worker on a store of its own with the model as versions 1, which is stable, and 2."""
    with _two_copies(bench) as registry:
        own = {"model_store": str(registry.store), "model_label": STABLE, "model_poll_seconds": POLL_SECONDS}
        yield replace(worker, settings={**worker.settings, **own}), registry


@contextmanager
def _two_copies(bench: Workbench) -> Iterator[Registry]:
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(2):
            publish_copy(bench.model_path, Path(directory), bench.model_name)
        yield Registry(directory)


def longest(moments: Any, start: float) -> float:
    """The longest time between two results that became visible in the window; `moments` are sorted, in seconds."""
    inside = moments[(moments >= start) & (moments <= start + WINDOW_SECONDS)]
    return float(np.diff(inside, prepend=start, append=start + WINDOW_SECONDS).max())


def _run(
    bench: Workbench, worker: Worker, rate: float, swaps: int, registry: Registry
) -> tuple[list[float], list[Output]]:
    """When each window began, and all results."""
    task = Task.on(bench, bench.topic("reviews"))
    priming = int(rate * PRIMING_SECONDS)
    count = priming + int(rate * WINDOW_SECONDS * 2 * swaps)
    windows: list[float] = []
    with bench.outputs(task.output_topic) as outputs:
        process = bench.start("contender", worker.command(task))
        feed = Feed(bench, task.input_topic, count)
        try:
            found = feed.send(0, priming, rate, process, outputs)
            swapper = threading.Thread(target=_swap, args=(registry, bench.model_name, swaps, windows))
            swapper.start()
            found += feed.send(priming, count, rate, process, outputs)
            swapper.join()
        finally:
            process.end()
    check(found, bench.reviews.expected, count, worker.exactly_once)
    return windows, found


def _swap(registry: Registry, name: str, swaps: int, windows: list[float]) -> None:
    began = time.time()
    for number in range(2 * swaps):
        time.sleep(max(0.0, began + number * WINDOW_SECONDS - time.time()))
        windows.append(time.time())
        if number % 2 == 0:
            registry.set_label(name, STABLE, 2 if number % 4 == 0 else 1)


def _quantiles(values: Sequence[float]) -> dict[str, float]:
    named = {f"p{share * 100:.0f}": round(float(np.quantile(values, share)), 4) for share in QUANTILES}
    return named | {"most": round(max(values), 4)}
