"""Keeps the signals of a canary on the partitions of this worker, in step with what is committed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.broker import Broker, Partition, Position, Record
from worker.lineup import Lineup
from worker.rollout.signals import Contest, Signals, from_metadata
from worker.serving import Served


@dataclass(frozen=True, slots=True)
class Staged:
    """Signals as they will be once a batch is committed, and how many late additions they hold."""

    signals: Mapping[Partition, Signals] = field(default_factory=dict)
    additions: Mapping[Partition, int] = field(default_factory=dict)


class Counting:
    """For the stream's thread, but for `add`, which another may call.

    A batch is staged before its commit and counts only after it, as its records do.
    """

    def __init__(self) -> None:
        self._signals: dict[Partition, Signals] = {}
        self._known: set[Partition] = set()
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
        """The signals with this batch's and those added since the last one; none where there is no canary.

        Asks Kafka for what is committed, once after each assignment and each time that all is forgotten. May raise
        KafkaAway.
        """
        contest = Contest.of(lineup)
        if contest is None:
            self.forget()
            return Staged()
        if broker.rebalances() != self._rebalances:
            self._rebalances = broker.rebalances()
            self.forget()
        partitions = {Partition(record.topic, record.partition) for record in records}
        if not partitions <= self._known:
            self._learn(broker.committed())
            self._known |= partitions
        empty = Signals(contest, now_ms, refusal=lineup.refusal.complaint if lineup.refusal else "")
        counts = _count(records, served, contest.canary, empty)
        signals, additions = {}, {}
        with self._lock:
            for partition in partitions:
                late = self._additions.get(partition, [])
                signals[partition] = counts.get(partition, empty)
                for each in [*late, *([self._signals[partition]] if partition in self._signals else [])]:
                    if each.contest == contest:
                        signals[partition] = signals[partition].plus(each)
                additions[partition] = len(late)
        return Staged(signals, additions)

    def committed(self, staged: Staged) -> None:
        """The batch is committed, and its signals with it."""
        self._signals.update(staged.signals)
        with self._lock:
            for partition, count in staged.additions.items():
                del self._additions.get(partition, [])[:count]

    def _learn(self, positions: Mapping[Partition, Position]) -> None:
        for partition, position in positions.items():
            if partition not in self._known and (signals := from_metadata(position.metadata)):
                self._signals[partition] = signals


def _count(records: Sequence[Record], served: Served, canary: int, empty: Signals) -> dict[Partition, Signals]:
    """How many records of each partition the canary served, and failed to though the stable version did not."""
    by_canary = [place for part in served.parts if part.scorer.version == canary for place in part.scores]
    failed = [place for place in served.canary_failed if place not in served.failed]
    partition_of = [Partition(record.topic, record.partition) for record in records]
    served_counts = Counter(partition_of[place] for place in [*by_canary, *failed])
    failures = Counter(partition_of[place] for place in failed)
    return {
        partition: empty.plus(Signals(empty.contest, empty.first, served=count, failed=failures[partition]))
        for partition, count in served_counts.items()
    }
