"""What tracing costs the loop, on the broker in memory: off, and on, beside a loop without a place for it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import msgspec
import pytest

from models.scorer import Scorer
from tests.benchmarks.workbench import note
from tests.reviews import sample
from tests.worker.observability.collector import Collector
from tests.worker.stream import INPUT, Stream
from worker.kafka.types import Message
from worker.observability.metrics import STAGES, Metrics
from worker.observability.otlp import Tracing
from worker.observability.tracing import UNTRACED, Tracer
from worker.pipeline import Pipeline

BATCH = 512
_HOOK_ROUNDS = 20_000
# Of all stages these two have no timer of their own: they are told apart within one poll.
_TIMED = [stage for stage in STAGES if stage not in ("poll", "idle")]


class _PlainMetrics(Metrics):
    """Stages are timed, and nothing else looks at them."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.stage_duration.labels(name).observe(time.perf_counter() - started)


class _PlainPipeline(Pipeline):
    """The loop with no place for a tracer."""

    def turn(self) -> bool:
        records = self._poll()
        if records:
            self._process(records, UNTRACED)
        self._observe_progress()
        return bool(records)


def measure(scorer: Scorer, batches: int, repeats: int = 12) -> dict[str, Any]:
    """CPU seconds a batch of 512 traced reviews, all threads, medians; and their ratios to the plain loop.

    The variants take turns, each round with another one first: long runs would compare minutes, not variants.
    """
    with Collector() as collector, Collector() as gone, pytest.MonkeyPatch.context() as environment:
        gone.__exit__(None, None, None)
        environment.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")

        def sending_to(endpoint: str) -> Tracer:
            environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            return Tracing(INPUT, "sentiment", "benchmark")

        variants: dict[str, Callable[[], Tracer] | None] = {
            "plain": None,
            "off": lambda: UNTRACED,
            "on": lambda: sending_to(collector.endpoint),
            "on, nobody listens": lambda: sending_to(gone.endpoint),
        }
        found: dict[str, list[float]] = {name: [] for name in variants}
        for repeat in range(repeats):
            names = list(variants)
            first = repeat % len(names)
            for name in names[first:] + names[:first]:
                found[name].append(_seconds_a_batch(scorer, batches, variants[name]))
            note(f"tracing {repeat + 1}/{repeats}")
    return {
        "batches": batches,
        "repeats": repeats,
        "batch_seconds": {name: median(each) for name, each in found.items()},
        "ratios": {name: median(ratios(each, found["plain"])) for name, each in found.items()},
        "off_seconds_a_batch": hook_seconds(),
        "spans": len(collector.spans()),
    }


def ratios(each: Sequence[float], plain: Sequence[float]) -> list[float]:
    """Of runs that stood beside each other."""
    return [one / other for one, other in zip(each, plain, strict=True)]


def hook_seconds() -> float:
    """What the places for a tracer cost a batch while it is off."""
    started = time.thread_time()
    for _ in range(_HOOK_ROUNDS):
        with UNTRACED.batch(()) as span:
            for stage in _TIMED:
                with UNTRACED.stage(stage):
                    pass
            span.describe("", (), 0, 0)
    return (time.thread_time() - started) / _HOOK_ROUNDS


def _seconds_a_batch(scorer: Scorer, batches: int, tracer: Callable[[], Tracer] | None) -> float:
    stream = Stream(scorer, tracer=tracer() if tracer else UNTRACED, max_batch_records=BATCH)
    texts = sample().texts
    for number in range(BATCH * batches):
        value = msgspec.json.encode({"text": texts[number % len(texts)]})
        header = f"00-{number + 1:032x}-{number + 1:016x}-01".encode()
        stream.kafka.append(Message(INPUT, b"%d" % number, value, [("traceparent", header)]))
    if tracer is None:
        stream.metrics = _PlainMetrics()
        stream.pipeline = _PlainPipeline(
            stream.broker, lambda: stream.active_versions, None, stream.settings, stream.metrics, stream.health
        )
    stream.pipeline.turn()  # the first batch pays for what the process does once
    started = time.process_time()
    while stream.pipeline.turn():
        pass
    spent = time.process_time() - started
    stream.tracer.close()
    return spent / (batches - 1)
