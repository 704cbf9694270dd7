"""Scores records again with another version, beside the stream and never in its way."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from models.scorer import Scorer
from worker.observability.metrics import Metrics
from worker.rollout.comparison import Comparison, Sample, compare
from worker.serving.routing import Experiment
from worker.serving.versions import throttled

# Few enough to be done soon, enough to be scored together.
CHUNK = 64
_MOST_WAITING = 2_048
# Texts can be long: what waits must not cost more memory than a model.
_MOST_CHARACTERS = 8_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    batch_scores: Scorer
    other: Scorer
    samples: Sequence[Sample]
    experiment: Experiment | None


class Comparer:
    """Takes what was served, and compares as much of it as the budget allows; the rest is dropped, and counted.

    `budget` is the share of one core's time that it may take: after each piece of work it rests so long that it keeps
    to it. `tell(comparison, experiment)` gets each result, on the thread that calls `step`; a shadow has no experiment.
    """

    def __init__(
        self,
        budget: float,
        metrics: Metrics,
        tell: Callable[[Comparison, Experiment | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget
        self._metrics = metrics
        self._tell = tell
        self._clock = clock
        self._jobs: deque[_Job] = deque()
        self._waiting = self._characters = 0
        self._changed = threading.Condition()
        self._resumes = 0.0
        self._broken: set[int] = set()

    def offer(
        self, batch_scores: Scorer, other: Scorer, samples: Sequence[Sample], experiment: Experiment | None = None
    ) -> None:
        """Compare these when there is time; returns at once. For the stream's thread."""
        if not samples:
            return
        with self._changed:
            taken = list(self._fitting(samples))
            if taken:
                self._jobs.append(_Job(batch_scores, other, taken, experiment))
                self._waiting += len(taken)
                self._characters += _characters(taken)
                self._changed.notify()
        if dropped := len(samples) - len(taken):
            self._count(batch_scores, other, "dropped", dropped)

    def step(self, timeout_seconds: float) -> bool:
        """One piece of work, or a wait for it; whether there was one."""
        job = self._take(timeout_seconds)
        if job is None:
            return False
        started = self._clock()
        try:
            with throttled:
                comparison = compare(job.batch_scores, job.other, job.samples, time_both=job.experiment is not None)
        except Exception as error:  # noqa: BLE001 - a version that is only tried must stop nothing
            self._fail(job, error)
        else:
            self._show(comparison)
            self._tell(comparison, job.experiment)
        busy = self._clock() - started
        self._resumes = self._clock() + busy / self._budget - busy
        return True

    def _take(self, timeout_seconds: float) -> _Job | None:
        with self._changed:
            pause = self._resumes - self._clock()
            if pause > 0:
                # New records do not end the rest that the budget asks for.
                self._changed.wait_for(lambda: False, min(pause, timeout_seconds))
                return None
            if not self._changed.wait_for(lambda: bool(self._jobs), timeout_seconds):
                return None
            job = self._jobs.popleft()
            now, later = job.samples[:CHUNK], job.samples[CHUNK:]
            if later:
                self._jobs.appendleft(_Job(job.batch_scores, job.other, later, job.experiment))
            self._waiting -= len(now)
            self._characters -= _characters(now)
            return _Job(job.batch_scores, job.other, now, job.experiment)

    def _fitting(self, samples: Sequence[Sample]) -> Iterator[Sample]:
        characters = self._characters
        for sample in samples[: max(0, _MOST_WAITING - self._waiting)]:
            characters += len(sample.text)
            if characters > _MOST_CHARACTERS:
                return
            yield sample

    def _show(self, comparison: Comparison) -> None:
        batch_scores, other, differed = comparison.batch_scores, comparison.other, comparison.differed
        self._count(batch_scores, other, "differed", differed)
        self._count(batch_scores, other, "agreed", len(comparison.samples) - differed)
        pair = (batch_scores.name, batch_scores.version, other.version)
        self._metrics.comparison_seconds.labels(*pair).inc(comparison.other_seconds)
        difference = self._metrics.comparison_score_difference.labels(*pair)
        for value in comparison.score_differences():
            difference.observe(value)

    def _fail(self, job: _Job, error: Exception) -> None:
        self._count(job.batch_scores, job.other, "failed", len(job.samples))
        if job.other.version not in self._broken:
            self._broken.add(job.other.version)
            log.error(
                "a version fails where it is compared",
                model=job.other.name,
                version=job.other.version,
                why=f"{type(error).__name__}: {error}",
            )

    def _count(self, batch_scores: Scorer, other: Scorer, outcome: str, count: int) -> None:
        self._metrics.comparisons.labels(batch_scores.name, batch_scores.version, other.version, outcome).inc(count)


def _characters(samples: Sequence[Sample]) -> int:
    return sum(len(sample.text) for sample in samples)
