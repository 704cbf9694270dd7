"""Keeps the counts of a canary on the partitions of this worker, in step with what is committed."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from worker.kafka.broker import Broker
from worker.kafka.types import CommittedOffset, Partition, Record
from worker.rollout.stats import CanaryStats, read_stats, total
from worker.serving.results import BatchScores
from worker.serving.routing import ActiveVersions, Experiment


@dataclass(frozen=True, slots=True)
class Staged:
    """CanaryStats as they will be once a batch is committed, and how many late additions they hold."""

    stats: Mapping[Partition, CanaryStats | None] = field(default_factory=dict)
    additions: Mapping[Partition, int] = field(default_factory=dict)


class Counting:
    """For the stream's thread, but for `add`, which another may call.

    A batch is staged before its commit and counts only after it, as its records do. What a trial has shown is committed
    again until `is_over(experiment, moment)` says that labels read after that moment end it: a worker without a canary
    may only be unable to use it, or not know of it yet.
    """

    def __init__(self, is_over: Callable[[Experiment, float], bool]) -> None:
        self._is_over = is_over
        self._stats: dict[Partition, CanaryStats] = {}
        self._known: set[Partition] = set()
        self._learnt = -math.inf
        self._rebalances = 0
        self._additions: dict[Partition, list[CanaryStats]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """What is committed may be other than was thought: it is read again. What was compared meanwhile is lost."""
        self._stats.clear()
        self._known.clear()
        with self._lock:
            self._additions.clear()

    def add(self, additions: Mapping[Partition, CanaryStats]) -> None:
        """Count these with the partition's next commit."""
        with self._lock:
            for partition, stats in additions.items():
                self._additions.setdefault(partition, []).append(stats)

    def stage(
        self,
        active_versions: ActiveVersions,
        records: Sequence[Record],
        served: BatchScores,
        now_ms: int,
        broker: Broker,
    ) -> Staged:
        """The counts with this batch's and those added since the last one; none where no trial goes on.

        Asks Kafka for what is committed, once after each assignment and each time that all is forgotten. May raise
        KafkaAway.
        """
        if broker.rebalances() != self._rebalances:
            self._rebalances = broker.rebalances()
            self.forget()
        partitions = {Partition(record.topic, record.partition) for record in records}
        if not partitions <= self._known:
            self._learn(broker.committed())
            self._known |= partitions
        counts = _count(active_versions, records, served, now_ms)
        stats, additions = {}, {}
        with self._lock:
            for partition in partitions:
                late = self._additions.get(partition, [])
                stats[partition] = self._sum(counts.get(partition), self._stats.get(partition), late)
                additions[partition] = len(late)
        return Staged(stats, additions)

    def committed(self, staged: Staged) -> None:
        """The batch is committed, and its counts with it."""
        for partition, stats in staged.stats.items():
            if stats:
                self._stats[partition] = stats
            else:
                self._stats.pop(partition, None)
        with self._lock:
            for partition, count in staged.additions.items():
                del self._additions.get(partition, [])[:count]

    def _sum(
        self, own: CanaryStats | None, held: CanaryStats | None, late: Sequence[CanaryStats]
    ) -> CanaryStats | None:
        """A partition's counts of one experiment: of the one that its position holds, unless that is over."""
        newest = held if held and not self._is_over(held.experiment, self._learnt) else own
        return total([own, held, *late], newest.experiment) if newest else None

    def _learn(self, positions: Mapping[Partition, CommittedOffset]) -> None:
        self._learnt = time.monotonic()
        for partition, position in positions.items():
            if partition not in self._known and (stats := read_stats(position.metadata)):
                self._stats[partition] = stats


def _count(
    active_versions: ActiveVersions, records: Sequence[Record], served: BatchScores, now_ms: int
) -> dict[Partition, CanaryStats]:
    """For each partition how many records the canary served, and failed to though the stable version did not.

    Nothing where this worker knows of no canary.
    """
    experiment = Experiment.of(active_versions)
    if experiment is None:
        return {}
    by_canary = [index for part in served.parts if part.scorer.version == experiment.canary for index in part.scores]
    failed = served.failed_by_canary_alone
    partition_of = [Partition(record.topic, record.partition) for record in records]
    served_counts = Counter(partition_of[index] for index in [*by_canary, *failed])
    failures = Counter(partition_of[index] for index in failed)
    load_failure = active_versions.load_failure.reason if active_versions.load_failure else ""
    return {
        partition: CanaryStats(
            experiment, now_ms, served=served_counts[partition], failed=failures[partition], load_failure=load_failure
        )
        for partition in {*partition_of}
    }
