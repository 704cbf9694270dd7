"""A cluster with everything around the broker under test, the same for every broker."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove

from deploy.local.kafka import LocalKafka
from tests.kafka.topics import committed, new_topic, unique
from worker.kafka.broker import Broker
from worker.kafka.connect import open_broker
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import CommittedOffset, Connection, Message, Partition, Polled, Record, Subscription

PATIENCE_SECONDS = 30.0


class World(ABC):
    """Topics of the test's own, brokers that are closed at its end, and a way to throw members out."""

    def __init__(self) -> None:
        self._open: list[Broker] = []
        self._writer: Broker | None = None

    def broker(
        self, subscription: Subscription | None = None, transactional_id: str | None = None, *writes: str
    ) -> Broker:
        """A started broker on the client under test."""
        broker = self.unstarted(subscription, transactional_id)
        self._open.append(broker)
        broker.start(*writes)
        return broker

    def write(self, topic: str, *messages: Message) -> None:
        """Store messages as another program would."""
        self._writer = self._writer or self.broker(None, None, topic)
        self._writer.produce(messages)
        self._writer.commit({})

    def close(self) -> None:
        """Close what was opened."""
        for broker in self._open:
            broker.close()

    @abstractmethod
    def unstarted(self, subscription: Subscription | None, transactional_id: str | None) -> Broker:
        """A broker as its constructor leaves it."""

    @abstractmethod
    def topic(self, partitions: int = 1) -> str:
        """A new topic that takes the largest messages."""

    @abstractmethod
    def read(self, topic: str) -> list[Record]:
        """All that readers of committed records see, partition after partition."""

    @abstractmethod
    def expel(self, broker: Broker, group_id: str) -> None:
        """Let the group give up its only member, which does not know yet."""


class MemoryWorld(World):
    """`MemoryBroker`s on one `MemoryKafka`."""

    def __init__(self) -> None:
        super().__init__()
        self.kafka = MemoryKafka()

    def unstarted(self, subscription: Subscription | None, transactional_id: str | None) -> Broker:
        return MemoryBroker(self.kafka, subscription, transactional_id)

    def topic(self, partitions: int = 1) -> str:
        name = unique("topic")
        self.kafka.create(name, partitions)
        return name

    def read(self, topic: str) -> list[Record]:
        return self.kafka.read(topic)

    def expel(self, broker: Broker, group_id: str) -> None:
        assert isinstance(broker, MemoryBroker)
        broker.expel()


class KafkaWorld(World):
    """One of the real clients on a real Kafka."""

    def __init__(self, kafka: LocalKafka, client: str) -> None:
        super().__init__()
        self.kafka = kafka
        self.client = client
        self.connection = Connection(kafka.bootstrap_servers, session_timeout=6.0)

    def unstarted(self, subscription: Subscription | None, transactional_id: str | None) -> Broker:
        return open_broker(self.client, self.connection, subscription, transactional_id)

    def topic(self, partitions: int = 1) -> str:
        return new_topic(self.kafka, partitions=partitions)

    def read(self, topic: str) -> list[Record]:
        return [
            Record(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers))
            for r in committed(self.kafka, topic)
        ]

    def expel(self, broker: Broker, group_id: str) -> None:
        with KafkaAdminClient(bootstrap_servers=self.kafka.bootstrap_servers) as admin:
            members = admin.describe_groups([group_id])[group_id]["members"]
            admin.remove_group_members(group_id, [MemberToRemove(member_id=m["member_id"]) for m in members])


def message(topic: str, value: bytes | None, key: bytes | None = b"key") -> Message:
    """A message without headers."""
    return Message(topic, key, value, [])


def numbered(topic: str, count: int, keys: int = 1) -> list[Message]:
    """Messages with the values 0, 1, ...; the keys take turns."""
    return [message(topic, b"%d" % number, b"key-%d" % (number % keys)) for number in range(count)]


def values(records: Iterable[Record]) -> list[bytes | None]:
    """What stands in records."""
    return [record.value for record in records]


def after(records: Sequence[Record], metadata: str = "") -> dict[Partition, CommittedOffset]:
    """The positions to commit once these records are done."""
    return {Partition(r.topic, r.partition): CommittedOffset(r.next_offset, metadata) for r in records}


def poll(broker: Broker, count: int) -> list[Record]:
    """At least `count` records, less those that a rebalance took away meanwhile."""
    records: list[Record] = []
    wait_for(lambda: len(_add(records, broker.poll(500, 0.1))) >= count)
    return records


def poll_all(brokers: Sequence[Broker], condition: Callable[[], bool]) -> list[Record]:
    """What several members read, one after the other, until a condition holds."""
    records: list[Record] = []

    def turn() -> bool:
        for broker in brokers:
            records.extend(broker.poll(500, 0.05).records)
        return condition()

    wait_for(turn)
    return records


def wait_for(condition: Callable[[], bool]) -> None:
    """Try until a condition holds; fail when it does not come true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "this did not come true in time"


def _add(records: list[Record], polled: Polled) -> list[Record]:
    records[:] = [r for r in records if Partition(r.topic, r.partition) not in polled.revoked]
    records.extend(polled.records)
    return records
