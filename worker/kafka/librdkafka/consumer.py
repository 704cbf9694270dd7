"""The reading half of the librdkafka broker: membership of the group, positions, records. Imports no client itself."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import methodcaller
from typing import Any

from worker.errors import AccessDenied, BatchRefused, TopicMissing, WorkerError
from worker.kafka.admin import offsets_or_ends
from worker.kafka.error_mapping import ClientError, translated
from worker.kafka.types import CommittedOffset, Partition, Polled, Record, Subscription

log = logging.getLogger("worker.librdkafka")
# Where nobody configured logging, warnings would go to standard error.
log.addHandler(logging.NullHandler())

# A call into librdkafka hears no signal until it returns.
_LONGEST_WAIT_SECONDS = 0.2
# A record whose headers the client could not give once ended the worker. Called this way, the client's error reaches us
# each time and such a record is read on; so keep it.
_headers = methodcaller("headers")
_UNREADABLE = (("unreadable-headers", b"true"),)
_MEMBERSHIP_START = b"CGMDv2:"


class Reasons:
    """What a client reports outside of any call; a refusal of credentials ends the worker."""

    def __init__(self) -> None:
        self._load_failure: WorkerError | None = None

    def note(self, error: ClientError) -> None:
        """librdkafka's callback for errors; called from within other calls."""
        problem = translated(error)
        if isinstance(problem, AccessDenied):
            self._load_failure = problem

    def check(self) -> None:
        """Raises AccessDenied if Kafka refused us."""
        if self._load_failure:
            raise self._load_failure


class Reader:
    """Reads a source with a confluent-kafka consumer.

    `make_partition` is `confluent_kafka.TopicPartition`. Errors of the client pass through; the broker translates them.
    """

    def __init__(
        self,
        consumer: Any,
        make_partition: Callable[..., Any],
        subscription: Subscription,
        reasons: Reasons,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.assigned: frozenset[Partition] = frozenset()
        self.rebalances = 0
        self._consumer = consumer
        self._make_partition = make_partition
        self._subscription = subscription
        self._reasons = reasons
        self._clock = clock
        self._membership: bytes | None = None
        self._revoked: set[Partition] = set()
        # By partition number: where reading began since the assignment, and the end when it was last reached.
        self._first: dict[int, int] = {}
        self._end: dict[int, int] = {}
        # Partitions that came and went while records that are there already were being collected.
        self._collecting = False
        self._came: list[Any] = []
        self._went: set[int] = set()

    def begin(self, numbers: Collection[int], seconds: float) -> None:
        """Join the group; without one, read these partitions of the topic from the source's start."""
        topic = self._subscription.topic
        if self._subscription.group_id:
            self._consumer.subscribe([topic], on_assign=self._on_assign, on_revoke=self._on_revoke)
            return
        found = offsets_or_ends(lambda start: self._offsets_at(numbers, start, seconds), self._subscription.start)
        self._consumer.assign([self._make_partition(topic, number, offset) for number, offset in found.items()])
        self.assigned = frozenset(Partition(topic, number) for number in numbers)
        self._first = dict(found)

    def poll(self, max_records: int, timeout_seconds: float) -> Polled:
        """See Broker.poll."""
        until = self._clock() + timeout_seconds
        records = self._collect([], max_records)
        while not records and not self._revoked and (left := until - self._clock()) > 0:
            records = self._records(self._consumer.consume(1, min(left, _LONGEST_WAIT_SECONDS)))
            self._reasons.check()
            if records:
                records = self._collect(records, max_records)
        self._reasons.check()
        for number in {record.partition for record in records}.difference(self._first):
            self._first[number] = next(record.offset for record in records if record.partition == number)
        revoked, self._revoked = frozenset(self._revoked), set()
        return Polled(records, revoked)

    def membership(self, partitions: Collection[Partition]) -> bytes:
        """Who read the records of these partitions, for their commit. Raises BatchRefused if they are ours no more."""
        if self._membership is None:
            raise BatchRefused("this worker was no longer a member of the group when it read the batch")
        if any(partition.number not in self._first for partition in partitions):
            raise BatchRefused("the partitions belong to another worker now")
        return self._membership

    def commit(self, committed: Mapping[Partition, CommittedOffset]) -> None:
        """Commit outside of a transaction. Raises BatchRefused if the membership is not the one that read."""
        if self.membership(committed) != self._consumer.consumer_group_metadata():
            raise BatchRefused("this worker is no longer the member of the group that read the batch")
        for answer in self._consumer.commit(offsets=self.offsets(committed), asynchronous=False):
            if answer.error:
                raise translated(answer.error)

    def offsets(self, committed: Mapping[Partition, CommittedOffset]) -> list[Any]:
        """Positions as the client wants them."""
        return [self._make_partition(*where, offset, metadata) for where, (offset, metadata) in committed.items()]

    def committed(self, seconds: float) -> dict[Partition, CommittedOffset]:
        """See Broker.committed."""
        if not self._subscription.group_id or not self.assigned:
            return {}
        found = self._consumer.committed([self._make_partition(*where) for where in self.assigned], seconds)
        for answer in found:
            if answer.error:
                raise translated(answer.error)
        return {
            Partition(answer.topic, answer.partition): CommittedOffset(answer.offset, answer.metadata or "")
            for answer in found
            if answer.offset >= 0
        }

    def rewind(self, seconds: float) -> None:
        """Go back to the committed positions; where there is none, to where reading began."""
        committed = self.committed(seconds)
        for number, first in self._first.items():
            committed_offset = committed.get(Partition(self._subscription.topic, number), CommittedOffset(first))
            self._consumer.seek(self._make_partition(self._subscription.topic, number, committed_offset.next_offset))
        self._end.clear()

    def lags(self) -> dict[Partition, int]:
        """See Broker.lags."""
        lags = {}
        for at in self._consumer.position([self._make_partition(*where) for where in self.assigned]):
            bounds = self._consumer.get_watermark_offsets(at, cached=True)
            reached = max(at.offset, self._end.get(at.partition, -1))
            if bounds and bounds[1] >= 0 and reached >= 0:
                lags[Partition(at.topic, at.partition)] = max(0, bounds[1] - reached)
        return lags

    def _collect(self, records: list[Record], max_records: int) -> list[Record]:
        """Records as given and those that are there already, without those of partitions that went meanwhile."""
        if len(records) == max_records:
            return records
        self._collecting = True
        try:
            records += self._records(self._consumer.consume(max_records - len(records), 0))
        finally:
            self._collecting = False
        if self._came:
            self._consumer.resume(self._came)
            self._came = []
        if self._went:
            records = [record for record in records if record.partition not in self._went]
            self._went = set()
        return records

    def _records(self, messages: Sequence[Any]) -> list[Record]:
        records = []
        for message in messages:
            if message.error() is None:
                try:
                    headers = _headers(message) or ()
                except (SystemError, UnicodeError):
                    headers = _UNREADABLE
                records.append(
                    Record(
                        message.topic(),
                        message.partition(),
                        message.offset(),
                        message.timestamp()[1],
                        message.key(),
                        message.value(),
                        headers,
                    )
                )
            elif message.error().name() == "_PARTITION_EOF":
                self._end[message.partition()] = message.offset()
            else:
                self._heed(message.error())
        return records

    def _heed(self, error: ClientError) -> None:
        problem = translated(error)
        if isinstance(problem, AccessDenied | TopicMissing) and not (
            error.name() == "GROUP_AUTHORIZATION_FAILED" and not self._subscription.group_id
        ):
            raise problem
        log.warning("reading: %s", error.str())

    def _offsets_at(self, numbers: Collection[int], start: int, seconds: float) -> dict[int, int]:
        asked = [self._make_partition(self._subscription.topic, number, start) for number in numbers]
        return {answer.partition: answer.offset for answer in self._consumer.offsets_for_times(asked, seconds)}

    def _on_assign(self, consumer: Any, parts: list[Any]) -> None:
        consumer.assign(parts)
        if self._collecting:
            # None of their records may mix with those collected before they went.
            consumer.pause(parts)
            self._came = parts
        # Now, not at the commit: a member that is thrown out in between has no generation any more, and Kafka takes
        # an offset commit without a generation from anybody.
        membership = consumer.consumer_group_metadata()
        self._membership = membership if is_member(membership) else None
        self.assigned = frozenset(Partition(part.topic, part.partition) for part in parts)
        self.rebalances += 1

    def _on_revoke(self, _consumer: Any, parts: list[Any]) -> None:
        gone = {Partition(part.topic, part.partition) for part in parts}
        self._revoked |= gone
        self.assigned -= gone
        for part in gone:
            self._first.pop(part.number, None)
            self._end.pop(part.number, None)
            if self._collecting:
                self._went.add(part.number)
        self._came = []


def is_member(metadata: bytes) -> bool:
    """Whether librdkafka's group metadata names a member and a generation, so that Kafka can refuse a former member."""
    if not metadata.startswith(_MEMBERSHIP_START):
        return False
    at = len(_MEMBERSHIP_START)
    generation = int.from_bytes(metadata[at : at + 4], sys.byteorder, signed=True)
    _group, member, *_rest = metadata[at + 4 :].split(b"\0")
    return generation >= 0 and bool(member)
