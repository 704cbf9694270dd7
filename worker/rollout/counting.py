"""Keeps the signals of a canary on the partitions of this worker, in step with what is committed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from worker.broker import Partition, Position, Record
from worker.lineup import Lineup
from worker.rollout.signals import Signals, from_metadata
from worker.serving import Served

Committed = Callable[[], Mapping[Partition, Position]]


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
        self._additions: dict[Partition, list[Signals]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Partitions were assigned anew: what others committed since counts, and is read again."""
        self._signals.clear()
        self._known.clear()
        with self._lock:
            self._additions.clear()

    def add(self, additions: Mapping[Partition, Signals]) -> None:
        """Count these with the partition's next commit."""
        with self._lock:
            for partition, signals in additions.items():
                self._additions.setdefault(partition, []).append(signals)

    def stage(
        self, lineup: Lineup, records: Sequence[Record], served: Served, now_ms: int, committed: Committed
    ) -> Staged:
        """The signals with this batch's and those added since the last one; none where there is no canary.

        `committed` asks Kafka, once after each assignment. May raise KafkaAway.
        """
        if lineup.canary is None:
            self._signals.clear()
            return Staged()
        pair = (lineup.stable.version, lineup.canary.scorer.version)
        partitions = {Partition(record.topic, record.partition) for record in records}
        if not partitions <= self._known:
            self._learn(committed())
            self._known |= partitions
        counts = _count(records, served, pair[1], Signals(*pair, now_ms))
        signals, additions = {}, {}
        with self._lock:
            for partition in partitions:
                late = [each for each in self._additions.get(partition, ()) if each.pair == pair]
                before = self._signals.get(partition)
                signals[partition] = counts.get(partition, Signals(*pair, now_ms))
                for each in late if before is None or before.pair != pair else [before, *late]:
                    signals[partition] = signals[partition].plus(each)
                additions[partition] = len(self._additions.get(partition, ()))
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
    """How many records of each partition the canary served, and failed to."""
    failed = set(served.canary_failed)
    by_canary = [place for part in served.parts if part.scorer.version == canary for place in part.scores]
    served_counts: dict[Partition, list[int]] = {}
    for place in [*by_canary, *failed]:
        count = served_counts.setdefault(Partition(records[place].topic, records[place].partition), [0, 0])
        count[0] += 1
        count[1] += place in failed
    return {
        partition: empty.plus(Signals(*empty.pair, empty.since, served=served, failed=failures))
        for partition, (served, failures) in served_counts.items()
    }
