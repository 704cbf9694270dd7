"""Keeps the signals of a canary on the partitions of this worker, in step with what is committed."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from worker.kafka.broker import Broker
from worker.kafka.types import Partition, Position, Record
from worker.rollout.stats import Signals, from_metadata, total
from worker.serving.results import Served
from worker.serving.routing import Contest, Lineup


@dataclass(frozen=True, slots=True)
class Staged:
    """Signals as they will be once a batch is committed, and how many late additions they hold."""

    signals: Mapping[Partition, Signals | None] = field(default_factory=dict)
    additions: Mapping[Partition, int] = field(default_factory=dict)


class Counting:
    """For the stream's thread, but for `add`, which another may call.

    A batch is staged before its commit and counts only after it, as its records do. What a trial has shown is committed
    again until `is_over(contest, moment)` says that labels read after that moment end it: a worker without a canary may
    only be unable to use it, or not know of it yet.
    """

    def __init__(self, is_over: Callable[[Contest, float], bool]) -> None:
        self._is_over = is_over
        self._signals: dict[Partition, Signals] = {}
        self._known: set[Partition] = set()
        self._learnt = -math.inf
        self._rebalances = 0
        self._additions: dict[Partition, list[Signals]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """What is committed may be other than was thought: it is read again. What was compared meanwhile is lost."""
        self._signals.clear()
        self._known.clear()
        with self._lock:
            self._additions.clear()

    def add(self, additions: Mapping[Partition, Signals]) -> None:
        """Count these with the partition's next commit."""
        with self._lock:
            for partition, signals in additions.items():
                self._additions.setdefault(partition, []).append(signals)

    def stage(self, lineup: Lineup, records: Sequence[Record], served: Served, now_ms: int, broker: Broker) -> Staged:
        """The signals with this batch's and those added since the last one; none where no trial goes on.

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
        counts = _count(lineup, records, served, now_ms)
        signals, additions = {}, {}
        with self._lock:
            for partition in partitions:
                late = self._additions.get(partition, [])
                signals[partition] = self._sum(counts.get(partition), self._signals.get(partition), late)
                additions[partition] = len(late)
        return Staged(signals, additions)

    def committed(self, staged: Staged) -> None:
        """The batch is committed, and its signals with it."""
        for partition, signals in staged.signals.items():
            if signals:
                self._signals[partition] = signals
            else:
                self._signals.pop(partition, None)
        with self._lock:
            for partition, count in staged.additions.items():
                del self._additions.get(partition, [])[:count]

    def _sum(self, own: Signals | None, held: Signals | None, late: Sequence[Signals]) -> Signals | None:
        """A partition's signals of one contest: of the one that its position holds, unless that is over."""
        newest = held if held and not self._is_over(held.contest, self._learnt) else own
        return total([own, held, *late], newest.contest) if newest else None

    def _learn(self, positions: Mapping[Partition, Position]) -> None:
        self._learnt = time.monotonic()
        for partition, position in positions.items():
            if partition not in self._known and (signals := from_metadata(position.metadata)):
                self._signals[partition] = signals


def _count(lineup: Lineup, records: Sequence[Record], served: Served, now_ms: int) -> dict[Partition, Signals]:
    """For each partition how many records the canary served, and failed to though the stable version did not.

    Nothing where this worker knows of no canary.
    """
    contest = Contest.of(lineup)
    if contest is None:
        return {}
    by_canary = [place for part in served.parts if part.scorer.version == contest.canary for place in part.scores]
    failed = served.failed_by_canary_alone
    partition_of = [Partition(record.topic, record.partition) for record in records]
    served_counts = Counter(partition_of[place] for place in [*by_canary, *failed])
    failures = Counter(partition_of[place] for place in failed)
    refusal = lineup.refusal.complaint if lineup.refusal else ""
    return {
        partition: Signals(
            contest, now_ms, served=served_counts[partition], failed=failures[partition], refusal=refusal
        )
        for partition in {*partition_of}
    }
