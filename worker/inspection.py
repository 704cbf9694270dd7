"""How a Kafka is set up: what a person is told before workers start, and no worker needs to know while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


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
