"""How late results are when the worker keeps up: reviews come at a steady rate, record timestamp to result.

Two figures. `committed`: the worker's own end_to_end metric, from the record's timestamp to the return of the commit,
interpolated in its histogram's buckets. `visible`: from the record's timestamp to the moment at which another process
that reads committed records gets the result, one fetch later; measured for each review.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.benchmarks import worker_metrics
from tests.benchmarks.contenders import Task, Worker
from tests.benchmarks.outputs import Output, Outputs, check, read_until
from tests.benchmarks.process import MeasuredProcess
from tests.benchmarks.workbench import FILL_SECONDS, Workbench, note

QUANTILES = (0.5, 0.95, 0.99)
# Sent at the same rate beforehand: joining the group, first fetches, first transactions.
PRIMING_SECONDS = 3.0
LIMIT_SECONDS = 30.0


def measure(bench: Workbench, workers: Sequence[Worker], rate: float, seconds: float) -> list[dict[str, Any]]:
    """One row a worker: latencies in seconds at `rate` reviews a second for `seconds`."""
    rows = []
    for worker in workers:
        rows.append(row := measure_one(bench, worker, rate, seconds))
        milliseconds = " / ".join(f"{value * 1000:.0f}" for value in row["committed_seconds"].values())
        note(f"latency: {worker.name}: committed p50 / p95 / p99 {milliseconds} ms")
    return rows


def measure_one(bench: Workbench, worker: Worker, rate: float, seconds: float) -> dict[str, Any]:
    """The latencies of one worker. Raises BenchmarkError when results are missing, wrong or duplicated."""
    task = Task.on(bench, bench.topic("reviews"))
    priming = int(rate * min(PRIMING_SECONDS, seconds))
    count = priming + int(rate * seconds)
    with bench.outputs(task.output_topic) as outputs:
        process = bench.start("contender", worker.command(task))
        feed = Feed(bench, task.input_topic, count)
        try:
            found = feed.send(0, priming, rate, process, outputs)
            before = worker_metrics.scrape_after(task.http_port, priming)
            cpu_before = process.cpu_seconds()
            measured = feed.send(priming, count, rate, process, outputs)
            cpu = process.cpu_seconds() - cpu_before
            after = worker_metrics.scrape_after(task.http_port, count)
            compared = worker_metrics.compared(task.http_port)
        finally:
            process.end()
        found += measured
    check(found, bench.reviews.expected, count, worker.exactly_once)
    visible = [output.visible_at - feed.sent_at[int(output.id)] for output in measured]
    committed = worker_metrics.end_to_end_quantiles(before, after, QUANTILES)
    return {
        "contender": worker.name,
        "reviews": len(measured),
        "rate": rate,
        "committed_seconds": _named(committed),
        "visible_seconds": _named(np.quantile(visible, QUANTILES).tolist()),
        "visible_most_seconds": round(max(visible), 4),
        "cpu_ratio": round(cpu / seconds, 3),
        "compared": compared,
    }


class Feed:
    """Sends reviews at a steady rate from a thread, each with the time of its sending as its timestamp."""

    def __init__(self, bench: Workbench, topic: str, count: int) -> None:
        self._messages = list(bench.reviews.messages(count))
        self._topic = topic
        self._producer = bench.producer({"linger.ms": 0})
        self.sent_at: list[float] = []

    def send(self, start: int, end: int, rate: float, process: MeasuredProcess, outputs: Outputs) -> list[Output]:
        """Send the reviews from number `start` to `end`; returns their results once all are visible."""
        thread = threading.Thread(target=self._send, args=(start, end, rate), name="feed", daemon=True)
        thread.start()
        limit = LIMIT_SECONDS + 1 / rate
        found = read_until(outputs, end - start, limit, process.require_alive, lambda _: None)
        thread.join(FILL_SECONDS)
        return found

    def _send(self, start: int, end: int, rate: float) -> None:
        began = time.monotonic()
        for number, (key, value) in enumerate(self._messages[start:end]):
            if (early := began + number / rate - time.monotonic()) > 0:
                time.sleep(early)
            stamp = int(time.time() * 1000)
            self.sent_at.append(stamp / 1000)
            self._producer.produce(self._topic, value, key, timestamp=stamp)
            self._producer.poll(0)
        self._producer.flush(FILL_SECONDS)


def _named(values: Sequence[float]) -> dict[str, float]:
    return {f"p{share * 100:.0f}": round(value, 4) for share, value in zip(QUANTILES, values, strict=True)}
