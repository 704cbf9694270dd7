"""Questions to the cluster, and what keeps their answers for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from worker.errors import AccessDenied, KafkaAway, TopicMissing
from worker.kafka.broker import Broker
from worker.kafka.types import EARLIEST, LATEST, CommittedOffset, Partition, Topic

Key = TypeVar("Key")

_KNOWN_SECONDS = 5.0
_MOMENT_SECONDS = 0.05


def offsets_or_ends(ask: Callable[[int], dict[Key, int]], start: int) -> dict[Key, int]:
    """Where reading from `start` begins (see Source), by what `ask` tells: a negative offset where nothing is so young.

    There it begins at the end, as it was before that question: what is committed between two questions must be read.
    """
    if start in (EARLIEST, LATEST):
        return ask(start)
    ends = ask(LATEST)
    return {key: offset if offset >= 0 else ends[key] for key, offset in ask(start).items()}


class AdminQueries(Protocol):
    """One client's way of asking; see the methods of the same meaning in `worker.kafka.broker.Broker`."""

    def create(self, topics: Sequence[Topic]) -> None:
        """See Broker.create_topics."""

    def offsets(self, group_id: str, topic: str) -> dict[Partition, CommittedOffset]:
        """See Broker.group_offsets."""

    def set_positions(self, group_id: str, offsets: Mapping[Partition, CommittedOffset]) -> None:
        """See Broker.set_group_offsets."""

    def offsets_at(self, topic: str, start: int) -> dict[Partition, int]:
        """See Broker.offsets_at."""

    def inspector(self) -> Inspector:
        """See CachedAdmin.inspector."""


class CachedAdmin:
    """The part of a broker that needs no `start`."""

    @property
    def _cluster(self) -> AdminQueries:
        raise NotImplementedError

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """See Broker.create_topics. Kafka says that a topic is made before all its servers know of it."""
        self._cluster.create(topics)
        deadline = time.monotonic() + _KNOWN_SECONDS
        for topic in topics:
            while not self._knows(topic.name, deadline):
                time.sleep(_MOMENT_SECONDS)

    def group_offsets(self, group_id: str, topic: str) -> dict[Partition, CommittedOffset]:
        """See Broker.group_offsets."""
        return self._cluster.offsets(group_id, topic)

    def set_group_offsets(self, group_id: str, offsets: Mapping[Partition, CommittedOffset]) -> None:
        """See Broker.set_group_offsets."""
        self._cluster.set_positions(group_id, offsets)

    def offsets_at(self, topic: str, start: int) -> dict[Partition, int]:
        """See Broker.offsets_at."""
        return self._cluster.offsets_at(topic, start)

    def inspector(self) -> Inspector:
        """What tells how the cluster is set up; open for as long as this broker is."""
        return self._cluster.inspector()

    def _knows(self, topic: str, deadline: float) -> bool:
        """Whether the topic can be used, or there is no more waiting for it: who may create it may not see it."""
        try:
            self._cluster.offsets_at(topic, LATEST)
        except AccessDenied:
            return True
        except (TopicMissing, KafkaAway):  # its partitions may have no leader yet
            return time.monotonic() > deadline
        return True


def inspector_of(broker: Broker) -> Inspector:
    """What tells how the cluster of a broker on Kafka is set up; open for as long as that broker is."""
    assert isinstance(broker, CachedAdmin)
    return broker.inspector()


def has_members(group_id: str) -> str:
    """Why the positions of a group cannot be set."""
    return f"group {group_id} is in use: its positions cannot be set while it has members"


class Server(NamedTuple):
    """A Kafka server, at the address that it tells its clients to use."""

    number: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic. `replicas` and `in_sync` are those of the partition that has the fewest.

    `operations` are what our principal may do with it, named as in Kafka's protocol (`READ`, `WRITE`, `DESCRIBE`, ...).
    """

    name: str
    partitions: int
    replicas: int
    in_sync: int
    leaderless: int
    operations: frozenset[str]

    @classmethod
    def of(cls, name: str, partitions: Sequence[PartitionFacts], operations: frozenset[str]) -> TopicFacts:
        """What its partitions, of which there is at least one, come to."""
        return cls(
            name,
            len(partitions),
            min(len(each.replicas) for each in partitions),
            min(len(each.in_sync) for each in partitions),
            sum(not each.has_leader for each in partitions),
            operations,
        )


class PartitionFacts(NamedTuple):
    """One partition: the numbers of the servers that hold it, and of those that hold all of it."""

    has_leader: bool
    replicas: Sequence[int]
    in_sync: Sequence[int]


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """A consumer group; `hosts` are those of its members. A group that nobody knows has no members."""

    state: str
    hosts: tuple[str, ...]


class TransactionFacts(NamedTuple):
    """The last transaction of a transactional id: whether it is open, and a number that differs from the one before."""

    is_open: bool
    epoch: int


class Inspector(Protocol):
    """Asks a Kafka how it is set up, and changes nothing. Each call raises KafkaAway when the answer is late."""

    # Whether the client can ask about transactions.
    knows_transactions: bool

    def servers(self) -> Sequence[Server]:
        """Those that take part. Raises AccessDenied when our credentials are refused."""

    def topic_names(self) -> Sequence[str]:
        """The topics that our principal may see. Raises AccessDenied."""

    def topic(self, name: str) -> TopicFacts:
        """Raises TopicMissing, and AccessDenied where our principal must not even know whether it exists."""

    def topic_settings(self, name: str) -> Mapping[str, str]:
        """The settings that hold for a topic, defaults included. Raises AccessDenied."""

    def server_settings(self) -> Mapping[str, str]:
        """The settings of one of the servers. Raises AccessDenied."""

    def group(self, group_id: str) -> GroupFacts:
        """A group as it is at the moment. Raises AccessDenied."""

    def transaction(self, transactional_id: str) -> TransactionFacts | None:
        """None where nobody used the id lately, or the client cannot ask. Raises AccessDenied."""
