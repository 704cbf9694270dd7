"""Micro-batches: how many records go through the model and into one transaction together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from worker.errors import BadReview, BatchRefused
from worker.kafka.broker import Broker
from worker.kafka.types import CommittedOffset, Partition, Record
from worker.messages import Review

log = structlog.get_logger(__name__)

# An eighth of a batch, see `collect_batch`.
_FEW = 8


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """At most `max_records`; a batch that is not full waits `max_wait_seconds` from its first record, then goes."""

    max_records: int = 512
    max_wait_seconds: float = 0.0


@dataclass(slots=True)
class Batch:
    """Records on their way: `reviews` and `bad` hold, by index, what each record turned out to be."""

    records: list[Record]
    reviews: dict[int, Review]
    bad: dict[int, BadReview]


def collect_batch(
    broker: Broker, policy: BatchPolicy, idle_seconds: float, clock: Callable[[], float] = time.monotonic
) -> list[Record]:
    """The next batch; empty when nothing came within `idle_seconds`.

    Takes what is there and then waits only as long as the policy allows. Records of partitions that are revoked while
    the batch is gathered are dropped: whoever has the partition next gets them again.
    """
    records = list(broker.poll(policy.max_records, idle_seconds).records)
    if len(records) * _FEW < policy.max_records and not policy.max_wait_seconds:
        # So few mean that nothing is left behind: another look would find none and cost a millisecond.
        return records
    deadline = clock() + policy.max_wait_seconds
    while records and len(records) < policy.max_records:
        polled = broker.poll(policy.max_records - len(records), max(0.0, deadline - clock()))
        if polled.revoked:
            records = [r for r in records if Partition(r.topic, r.partition) not in polled.revoked]
        records += polled.records
        if not polled.records and clock() >= deadline:
            break
    return records


class StartOffsetCheck:
    """Where reading of each partition begins after it was assigned, held against what is committed there.

    A client that begins too early, be it that an answer was lost or out of date, would have records done once more.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._rebalances = 0
        self._known: set[int] = set()

    def check(self, records: Sequence[Record]) -> None:
        """Call with every batch before it is done; asks Kafka once after each assignment.

        Raises BatchRefused when records of the batch are committed already, and KafkaAway.
        """
        if self._rebalances != self._broker.rebalances():
            self._rebalances = self._broker.rebalances()
            self._known.clear()
        new = {record.partition for record in records} - self._known
        if not new:
            return
        firsts = {Partition(r.topic, r.partition): r.offset for r in reversed(records) if r.partition in new}
        committed = self._broker.committed()
        log.info("reading begins", offsets={partition.number: first for partition, first in sorted(firsts.items())})
        for partition, first in firsts.items():
            committed_offset = committed.get(partition)
            if committed_offset and first < committed_offset.next_offset:
                raise BatchRefused(
                    f"reading of partition {partition.number} began at offset {first}, though everything before "
                    f"{committed_offset.next_offset} is done"
                )
        self._known |= new


def offsets_after(
    records: Sequence[Record], metadata: Callable[[Partition], str] = lambda _: ""
) -> dict[Partition, CommittedOffset]:
    """The positions to commit once all these records are done, with what is to be kept beside each."""
    ends = {Partition(r.topic, r.partition): r.next_offset for r in records}
    return {partition: CommittedOffset(end, metadata(partition)) for partition, end in ends.items()}
