"""A Kafka cluster in plain memory for fast tests: topics, consumer groups, transactional ids, and faults on demand."""

import threading
import time
import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from worker.kafka.types import CommittedOffset, Message, Partition, Record


@dataclass(eq=False, slots=True)
class Member:
    """One member of a group; `partitions` is what it believes to own, which an expelled one goes on believing."""

    topic: str
    partitions: frozenset[Partition] = frozenset()
    joined: bool = False
    fresh: bool = False


@dataclass(slots=True)
class Group:
    """Members that share the partitions of their topics, eagerly: a rebalance ends once every member has let go of all.

    A member that is slow to join keeps its partitions, and may commit, until it polls or is expelled.
    """

    generation: int = 0
    offsets: dict[Partition, CommittedOffset] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)

    def visit(self, member: Member, partition_counts: Mapping[str, int]) -> frozenset[Partition]:
        """What a poll does for the membership: join if need be. Returns the partitions that the member loses by it."""
        if member not in self.members:
            self.members.append(member)
            self.upset()
        if member.joined:
            return frozenset()
        lost, member.partitions, member.joined, member.fresh = member.partitions, frozenset(), True, False
        if all(other.joined for other in self.members):
            self._assign(partition_counts)
        return lost

    def remove(self, member: Member) -> None:
        """The member left, or was expelled; the others share what it had."""
        if member in self.members:
            self.members.remove(member)
            self.upset()

    def upset(self) -> None:
        """Start a rebalance: every member has to join anew."""
        for member in self.members:
            member.joined = False

    def owns(self, member: Member, partitions: Iterable[Partition]) -> bool:
        """Whether a commit for these partitions by this member is in order."""
        return member in self.members and member.partitions.issuperset(partitions)

    def _assign(self, partition_counts: Mapping[str, int]) -> None:
        self.generation += 1
        for topic in {member.topic for member in self.members}:
            sharing = [member for member in self.members if member.topic == topic]
            count = partition_counts.get(topic, 0)
            for index, member in enumerate(sharing):
                numbers = range(count * index // len(sharing), count * (index + 1) // len(sharing))
                member.partitions = frozenset(Partition(topic, number) for number in numbers)
                member.fresh = True


class MemoryKafka:
    """The cluster that any number of `MemoryBroker`s share. Tests feed it, read it and break it.

    Keys are spread by CRC-32, not by Kafka's murmur2: a key stays on one partition, but not the one Kafka would pick.
    As in Kafka, the marker that ends a transaction takes an offset: offsets have gaps.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.away = False
        self.groups: defaultdict[str, Group] = defaultdict(Group)
        self.epochs: defaultdict[str, int] = defaultdict(int)
        self.commit_to_expire: bool | None = None
        self._arrived = threading.Condition(self.lock)
        self._clock = clock
        self._logs: dict[Partition, list[Record]] = {}
        self._ends: dict[Partition, int] = {}
        self._counts: dict[str, int] = {}
        self._keyless = 0
        # How polls wait for records; a test may replace it, to turn a clock of its own instead.
        self.wait: Callable[[float], object] = self._arrived.wait

    def create(self, topic: str, partitions: int = 1) -> None:
        """Create the topic unless it exists."""
        with self.lock:
            if topic not in self._counts:
                self._counts[topic] = partitions
                for partition in self.partitions(topic):
                    self._logs[partition] = []
                    self._ends[partition] = 0

    def partitions(self, topic: str) -> list[Partition]:
        """All partitions of a topic; none if it does not exist."""
        return [Partition(topic, number) for number in range(self._counts.get(topic, 0))]

    def append(self, message: Message, *, partition: int | None = None, timestamp_ms: int | None = None) -> Record:
        """Store one message, visible at once. Raises KeyError for an unknown topic."""
        with self.lock:
            where = Partition(message.topic, self._partition_number(message) if partition is None else partition)
            stamp = int(self._clock() * 1000) if timestamp_ms is None else timestamp_ms
            key, value, headers = message.key, message.value, tuple(message.headers)
            record = Record(message.topic, where.number, self._ends[where], stamp, key, value, headers)
            self._logs[where].append(record)
            self._ends[where] = record.next_offset
            self._arrived.notify_all()
            return record

    def append_all(self, messages: Iterable[Message], *, in_transaction: bool) -> None:
        """Store messages, visible together."""
        with self.lock:
            records = [self.append(message) for message in messages]
            if in_transaction:
                for where in {Partition(record.topic, record.partition) for record in records}:
                    self._ends[where] += 1

    def read(self, topic: str) -> list[Record]:
        """All that is visible in a topic, partition after partition."""
        with self.lock:
            return [record for partition in self.partitions(topic) for record in self._logs[partition]]

    def fetch(self, partition: Partition, offset: int, max_records: int) -> list[Record]:
        """Records of a partition at or after an offset."""
        log = self._logs[partition]
        first = bisect_left(log, offset, key=lambda record: record.offset)
        return log[first : first + max_records]

    def end(self, partition: Partition) -> int:
        """The offset that the next record of the partition gets."""
        return self._ends[partition]

    def count_from(self, partition: Partition, offset: int) -> int:
        """How many records the partition has at or after an offset."""
        log = self._logs[partition]
        return len(log) - bisect_left(log, offset, key=lambda record: record.offset)

    def offset_at(self, partition: Partition, timestamp_ms: int) -> int:
        """The first offset whose record is not older than a time; the end if there is none."""
        later = (record.offset for record in self._logs[partition] if record.timestamp_ms >= timestamp_ms)
        return next(later, self._ends[partition])

    def partition_counts(self) -> Mapping[str, int]:
        """Topics and how many partitions they have."""
        return self._counts

    def rebalance(self, group_id: str) -> None:
        """Make every member lose its partitions and join anew at its next poll."""
        with self.lock:
            self.groups[group_id].upset()

    def expire_next_commit(self, *, stored: bool) -> None:
        """Let the next commit of anybody get no answer; `stored` says whether it took effect all the same."""
        self.commit_to_expire = stored

    def _partition_number(self, message: Message) -> int:
        if message.key is None:
            self._keyless += 1
        spread = self._keyless if message.key is None else zlib.crc32(message.key)
        return spread % self._counts[message.topic]
