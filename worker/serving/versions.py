"""The model versions that are loaded, and those that cannot be."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import structlog

from models.errors import BrokenArtifact, ModelError, ModelNotFound, StoreError, is_unreadable
from models.scorer import Scorer
from models.timing import YieldCpu
from worker.observability.metrics import Metrics
from worker.serving import memory

# How long a version that could not be used is left alone at first and at most: it may still be being copied.
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_COPYING_SECONDS = 60.0
_NOT_THE_VERSION = (StoreError, ModelNotFound)
# While a version is loaded beside the stream, the stream's thread must get its turn sooner than after the usual 5 ms,
# and most of the processor's time.
_SWITCH_SECONDS = 0.0005
_LOADING_SHARE = 0.2
_LONGEST_YIELD_SECONDS = 0.5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _LoadFailure:
    """A version that cannot be used: why, and when it is worth another try."""

    reason: str
    is_final: bool  # for the version itself is at fault, not the way to it
    since: float
    pause: float
    due: float


class Versions:
    """Loads each version of one model once, and again only after it was released.

    `load(version, yield_cpu)` gives a version whose signature, checksums and golden set hold, or raises; it calls
    `yield_cpu` between pieces of work. Once a stream runs (`start_throttling`), pauses are four times as long as work.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[int, YieldCpu], Scorer],
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._load = load
        self._metrics = metrics
        self._clock = clock
        self._scorers: dict[int, Scorer] = {}
        self._refusals: dict[tuple[str, int], _LoadFailure] = {}
        self.loads = 0
        self._throttling = False

    def start_throttling(self) -> None:
        """From now on load slowly: the stream runs."""
        self._throttling = True

    def obtain(self, label: str, version: int) -> Scorer | None:
        """The version, warmed up; None, and why in the log and the metrics, when it cannot be used.

        The log tells a reason once, however often the version is tried again.
        """
        scorer = self._scorers.get(version)
        if scorer is None:
            load_failure = self._refusals.get((label, version))
            if load_failure and self._clock() < load_failure.due:
                return None
            try:
                scorer = self._scorers[version] = self._warmed(version)
            except Exception as error:  # noqa: BLE001 - whatever a version does to its loader, the stream goes on
                reason = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
                pause = min(load_failure.pause * 2, _LONGEST_PAUSE_SECONDS) if load_failure else _FIRST_PAUSE_SECONDS
                is_final = not isinstance(error, _NOT_THE_VERSION) and not is_unreadable(error)
                self._refuse(label, version, reason, pause, is_final=is_final)
                return None
        self._accept(label, version)
        return scorer

    def reason(self, label: str, version: int) -> str:
        """Why the version cannot be used; empty when it was not refused."""
        load_failure = self._refusals.get((label, version))
        return load_failure.reason if load_failure else ""

    def fault(self, label: str, version: int) -> str:
        """Why the version itself cannot be used, once that has lasted; a store that is away is none of its faults."""
        load_failure = self._refusals.get((label, version))
        if load_failure is None or not load_failure.is_final or self._clock() - load_failure.since < _COPYING_SECONDS:
            return ""
        return load_failure.reason

    def quarantine(self, label: str, version: int, reason: str) -> None:
        """Release a version that failed in service; it is not tried again while it has the label."""
        self._scorers.pop(version, None)
        self._refuse(label, version, reason, pause=math.inf, since=-math.inf)

    def keep_only(self, versions: Collection[int]) -> None:
        """Release the others, here and not on the stream's thread, and forget what was wrong with them."""
        for label, version in [key for key in self._refusals if key[1] not in versions]:
            self._accept(label, version)
        if gone := set(self._scorers) - set(versions):
            # They are in no cycle: there is nothing for the garbage collector to find, which would hold the stream up.
            for version in gone:
                del self._scorers[version]
            memory.trim_heap()

    def _warmed(self, version: int) -> Scorer:
        started = time.monotonic()
        with throttled:
            yield_cpu = CpuYields() if self._throttling else lambda: None
            scorer = self._load(version, yield_cpu)
            if (scorer.name, scorer.version) != (self._name, version):
                raise BrokenArtifact(f"Version {version} of {self._name} says it is {scorer.name} {scorer.version}.")
            scorer.warm_up(yield_cpu)
        self.loads += 1
        self._metrics.model_loads.labels("loaded").inc()
        seconds = round(time.monotonic() - started, 3)
        log.info("model loaded", model=self._name, version=version, engine=scorer.engine, seconds=seconds)
        return scorer

    def _refuse(
        self,
        label: str,
        version: int,
        reason: str,
        pause: float,
        since: float | None = None,
        is_final: bool = True,
    ) -> None:
        before, now = self._refusals.get((label, version)), self._clock()
        self._metrics.model_loads.labels("failed").inc()
        self._metrics.model_refused.labels(self._name, version, label).set(1)
        if before is None or before.reason != reason:
            log.error("a version cannot be used", model=self._name, version=version, label=label, why=reason)
        if since is None:
            since = before.since if before and before.is_final == is_final else now
        self._refusals[label, version] = _LoadFailure(reason, is_final, since, pause, now + pause)

    def _accept(self, label: str, version: int) -> None:
        if self._refusals.pop((label, version), None):
            self._metrics.model_refused.remove(self._name, version, label)


class CpuYields:
    """Sleeps after each piece of work, so long that the work takes its share of the time and no more."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] | None = None
    ) -> None:
        self._clock = clock
        self._sleep = sleep or time.sleep
        self._resumed = clock()

    def __call__(self) -> None:
        worked = self._clock() - self._resumed
        self._sleep(min(worked * (1 / _LOADING_SHARE - 1), _LONGEST_YIELD_SECONDS))
        self._resumed = self._clock()


class _Throttled:
    """Short switch intervals while at least one thread works beside the stream; the usual one when none does."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working = 0
        self._usual = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._working:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(_SWITCH_SECONDS)
            self._working += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._working -= 1
            if not self._working:
                sys.setswitchinterval(self._usual)


# Lets the stream's thread have its turn soon, while what stands inside works beside it: `with stream_first:`.
throttled = _Throttled()
