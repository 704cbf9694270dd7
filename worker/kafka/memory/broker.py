"""The broker in plain memory: the same promises as the real ones, for fast tests of whatever uses a broker."""

from collections.abc import Mapping, Sequence

from worker.errors import BatchExpired, BatchRefused, KafkaAway, StopWorker, TopicMissing
from worker.kafka.admin import has_members
from worker.kafka.fencing import Fences
from worker.kafka.memory.cluster import Member, MemoryKafka
from worker.kafka.types import (
    EARLIEST,
    LATEST,
    CommittedOffset,
    Message,
    Partition,
    Polled,
    Record,
    Subscription,
    Topic,
)


class MemoryBroker:
    """One worker's connection to a `MemoryKafka`; implements `worker.kafka.broker.Broker`.

    With a transactional id, messages wait here until `commit` stores them together with the positions. Calls that the
    Protocol forbids (anything but `rewind` and `close` after an error) raise RuntimeError, so that tests see them.
    """

    def __init__(
        self, kafka: MemoryKafka, subscription: Subscription | None, transactional_id: str | None = None
    ) -> None:
        self._kafka = kafka
        self._subscription = subscription
        self._transactional_id = transactional_id
        self._fences = Fences(transactional_id)
        self._group = kafka.groups[subscription.group_id] if subscription and subscription.group_id else None
        self._member = Member(subscription.topic if subscription else "")
        self._epoch = 0
        self._pending: list[Message] = []
        self._next: dict[Partition, int] = {}
        self._starts: dict[Partition, int] = {}
        self._read: set[Partition] = set()
        self._rebalances = 0
        self._turn = 0
        self._must_rewind = False

    def start(self, *topics: str) -> None:
        """Check the topics and take over the transactional id from whoever had it."""
        self._reach()
        for topic in [*topics, *([self._subscription.topic] if self._subscription else [])]:
            if not self._kafka.partitions(topic):
                raise TopicMissing(f"topic {topic} does not exist: create it, or start with --create-topics")
        self._take_over()
        if self._subscription and not self._group:
            self._adopt(self._kafka.partitions(self._subscription.topic))

    def poll(self, max_records: int, timeout_seconds: float) -> Polled:
        """See Broker.poll; nothing comes while the cluster is away."""
        self._expect_no_error()
        with self._kafka.lock:
            revoked = self._visit_group()
            records = self._fetch(max_records)
            if not records and not revoked:
                self._kafka.wait(timeout_seconds)
                revoked |= self._visit_group()
                records = self._fetch(max_records)
            return Polled(records, revoked)

    def produce(self, messages: Sequence[Message]) -> None:
        """See Broker.produce."""
        self._expect_no_error()
        if self._transactional_id is None and not self._kafka.away:
            for message in messages:
                self._kafka.append(message)
        else:
            self._pending += messages

    def commit(self, offsets: Mapping[Partition, CommittedOffset]) -> None:
        """See Broker.commit."""
        self._expect_no_error()
        with self._kafka.lock:
            self._must_rewind = True
            if self._kafka.away:
                raise BatchExpired("no answer: the cluster is away")
            self._refuse_strangers(offsets)
            stored = self._kafka.commit_to_expire
            self._kafka.commit_to_expire = None
            if stored is not False:
                self._kafka.append_all(self._pending, in_transaction=self._transactional_id is not None)
                if self._group:
                    self._group.offsets.update(offsets)
            if stored is not None:
                raise BatchExpired("no answer, as was asked for")
            self._pending = []
            self._must_rewind = False

    def rewind(self) -> None:
        """See Broker.rewind."""
        self._reach()
        self._pending = []
        self._take_over()
        self._next = {partition: self._committed_or_start(partition) for partition in self._next}
        self._must_rewind = False

    def assignment(self) -> frozenset[Partition]:
        """See Broker.assignment."""
        return frozenset(self._next)

    def committed(self) -> dict[Partition, CommittedOffset]:
        """See Broker.committed."""
        self._reach()
        offsets = self._group.offsets if self._group else {}
        return {partition: offsets[partition] for partition in self._next if partition in offsets}

    def lags(self) -> dict[Partition, int]:
        """See Broker.lags."""
        return {partition: self._kafka.count_from(partition, offset) for partition, offset in self._next.items()}

    def rebalances(self) -> int:
        """See Broker.rebalances."""
        return self._rebalances

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """See Broker.create_topics; configs mean nothing here."""
        self._reach()
        for topic in topics:
            self._kafka.create(topic.name, topic.partitions)

    def group_offsets(self, group_id: str, topic: str) -> dict[Partition, CommittedOffset]:
        """See Broker.group_offsets."""
        self._reach()
        offsets = self._kafka.groups[group_id].offsets if group_id in self._kafka.groups else {}
        return {
            partition: committed_offset for partition, committed_offset in offsets.items() if partition.topic == topic
        }

    def set_group_offsets(self, group_id: str, offsets: Mapping[Partition, CommittedOffset]) -> None:
        """See Broker.set_group_offsets."""
        self._reach()
        with self._kafka.lock:
            if self._kafka.groups[group_id].members:
                raise StopWorker(has_members(group_id))
            self._kafka.groups[group_id].offsets.update(offsets)

    def offsets_at(self, topic: str, start: int) -> dict[Partition, int]:
        """See Broker.offsets_at."""
        self._reach()
        if not (partitions := self._kafka.partitions(topic)):
            raise TopicMissing(f"topic {topic} does not exist: create it")
        return {partition: self._offset_at(partition, start) for partition in partitions}

    def close(self) -> None:
        """See Broker.close."""
        with self._kafka.lock:
            self._pending = []
            self._next = {}
            if self._group:
                self._group.remove(self._member)

    def expel(self) -> None:
        """For tests: the group gives this member up, which has yet to notice (as after a long standstill)."""
        with self._kafka.lock:
            if self._group:
                self._group.remove(self._member)
                self._member.joined = False

    def _visit_group(self) -> frozenset[Partition]:
        if not self._group or self._kafka.away:
            return frozenset()
        lost = self._group.visit(self._member, self._kafka.partition_counts())
        revoked = lost & self._next.keys()
        for partition in revoked:
            del self._next[partition]
            self._read.discard(partition)
        if self._member.fresh:
            self._member.fresh = False
            self._rebalances += 1
            self._adopt(self._member.partitions)
        return frozenset(revoked)

    def _adopt(self, partitions: Sequence[Partition] | frozenset[Partition]) -> None:
        start = self._subscription.start if self._subscription else EARLIEST
        for partition in partitions:
            self._starts[partition] = self._offset_at(partition, start)
            self._next[partition] = self._committed_or_start(partition)

    def _offset_at(self, partition: Partition, start: int) -> int:
        if start == EARLIEST:
            return 0
        return self._kafka.end(partition) if start == LATEST else self._kafka.offset_at(partition, start)

    def _committed_or_start(self, partition: Partition) -> int:
        committed_offset = self._group.offsets.get(partition) if self._group else None
        return committed_offset.next_offset if committed_offset else self._starts[partition]

    def _fetch(self, max_records: int) -> list[Record]:
        records: list[Record] = []
        if self._kafka.away:
            return records
        # Whoever comes first takes turns, so that one full partition does not starve the others.
        order = sorted(self._next)
        self._turn += 1
        for index in range(len(order)):
            partition = order[(index + self._turn) % len(order)]
            found = self._kafka.fetch(partition, self._next[partition], max_records - len(records))
            if found:
                self._next[partition] = found[-1].next_offset
                self._read.add(partition)
                records += found
        return records

    def _refuse_strangers(self, offsets: Mapping[Partition, CommittedOffset]) -> None:
        if self._transactional_id and self._kafka.epochs[self._transactional_id] != self._epoch:
            self._fences.fenced()
            raise BatchRefused("another producer took over the transactional id")
        if self._group and offsets:
            if not self._group.owns(self._member, offsets):
                raise BatchRefused("the partitions belong to another member now")
            if not self._read.issuperset(offsets):
                raise BatchRefused("nothing was read from these partitions since they were assigned")

    def _take_over(self) -> None:
        if self._transactional_id:
            self._kafka.epochs[self._transactional_id] += 1
            self._epoch = self._kafka.epochs[self._transactional_id]

    def _reach(self) -> None:
        if self._kafka.away:
            raise KafkaAway("no broker answers")

    def _expect_no_error(self) -> None:
        if self._must_rewind:
            raise RuntimeError("after an error only rewind and close are allowed")
