"""One contender works off a topic that is full already; everything that is measured meanwhile."""

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from tests.benchmarks import worker_metrics
from tests.benchmarks.contenders import Contender, Task, Worker
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.outputs import Output, Outputs, check, read_until
from tests.benchmarks.process import MeasuredProcess
from tests.benchmarks.workbench import Workbench

# The longest without a result; loading TensorFlow on a busy machine takes a while.
LIMIT_SECONDS = 120.0
MICROSECONDS = 1e6
# The system counts processor time in these; also the least that a rate is a share of.
TICK_SECONDS = 0.01


@dataclass(frozen=True)
class Sample:
    """How many results were committed and visible at a moment, and what the process had used by then."""

    results: int
    seconds: float
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True)
class Run:
    """One run of one contender.

    `first` and `last` are the moments at which the first and the last results were seen; rates count what lies
    between, so that starting up is in none of them but `cpu_seconds_of_life`.
    """

    first: Sample
    last: Sample
    cpu_seconds_of_life: float
    peak_memory_bytes: int
    stage_microseconds: dict[str, float]
    marks: dict[int, int]

    @property
    def reviews_per_cpu_second(self) -> float:
        return self._between / max(TICK_SECONDS, self.last.cpu_seconds - self.first.cpu_seconds)

    @property
    def reviews_per_cpu_second_of_life(self) -> float:
        return self.last.results / self.cpu_seconds_of_life

    @property
    def reviews_per_second(self) -> float:
        return self._between / max(TICK_SECONDS, self.last.seconds - self.first.seconds)

    @property
    def _between(self) -> int:
        return self.last.results - self.first.results

    def to_json(self) -> dict[str, Any]:
        """All figures; times in seconds, sizes in bytes, stages in microseconds a review."""
        return asdict(self) | {
            "reviews_per_cpu_second": round(self.reviews_per_cpu_second, 1),
            "reviews_per_cpu_second_of_life": round(self.reviews_per_cpu_second_of_life, 1),
            "reviews_per_second": round(self.reviews_per_second, 1),
            "first_result_seconds": round(self.first.seconds, 3),
        }


class _Watch:
    """Takes a sample whenever results became visible, and notes the memory once each of the marks is passed."""

    def __init__(self, process: MeasuredProcess, outputs: Outputs, marks: tuple[int, ...]) -> None:
        self._process = process
        self._outputs = outputs
        self._marks = marks
        self._first_ends: dict[int, int] = {}
        self.memory_at: dict[int, int] = {}
        self.samples: list[Sample] = []

    def seen(self, found: list[Output]) -> None:
        """Called with all results so far whenever there are new ones."""
        process = self._process
        elapsed = time.monotonic() - process.started_at
        sample = Sample(len(found), round(elapsed, 4), round(process.cpu_seconds(), 2), process.memory_bytes())
        if not self.samples:
            self._first_ends = self._outputs.ends()
        self.samples = [*self.samples[:1], sample]
        for mark in self._marks:
            if sample.results >= mark:
                self.memory_at.setdefault(mark, sample.memory_bytes)

    def first(self, found: list[Output]) -> Sample:
        """The first sample with all results that were committed by then: a transaction is read in several pieces."""
        committed = sum(output.offset < self._first_ends[output.partition] for output in found)
        return replace(self.samples[0], results=committed)


def run(bench: Workbench, contender: Contender, reviews: int, marks: tuple[int, ...] = ()) -> Run:
    """Start the contender on a topic of `reviews` reviews and stop it when they are done.

    `marks` are numbers of reviews after which to note the resident memory. Raises BenchmarkError when a result is
    missing or wrong, came twice though it must not, or is not in Redis though it should be.
    """
    topic = bench.filled(reviews)
    wanted = min(reviews, contender.most_reviews or reviews)
    task = Task.on(bench, topic)
    with bench.outputs(task.output_topic) as outputs:
        process = bench.start("contender", contender.command(task))
        watch = _Watch(process, outputs, marks)
        found = read_until(outputs, wanted, LIMIT_SECONDS, process.require_alive, watch.seen)
        stages = _stage_seconds(task, wanted) if isinstance(contender, Worker) else {}
        peak = process.peak_memory_bytes()
        life = process.end()
        found += outputs.poll()
    check(found, bench.reviews.expected, wanted, contender.exactly_once)
    if contender.cache and bench.cached() < wanted:
        raise BenchmarkError(f"Redis holds {bench.cached():,} of {wanted:,} results")
    micros = {stage: round(seconds / wanted * MICROSECONDS, 2) for stage, seconds in stages.items()}
    return Run(watch.first(found), watch.samples[-1], round(life, 2), peak, micros, watch.memory_at)


def _stage_seconds(task: Task, reviews: int) -> dict[str, float]:
    return worker_metrics.stage_seconds(worker_metrics.scrape_after(task.http_port, reviews))
