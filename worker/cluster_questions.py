"""What a broker asks the cluster beside reading and writing: how both clients' brokers answer it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from worker.broker import EARLIEST, LATEST, Broker, Partition, Position, Topic
from worker.errors import AccessDenied, KafkaAway, TopicMissing
from worker.inspection import Inspector

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


class Questions(Protocol):
    """One client's way of asking; see the methods of the same meaning in `worker.broker.Broker`."""

    def create(self, topics: Sequence[Topic]) -> None:
        """See Broker.create_topics."""

    def positions(self, group_id: str, topic: str) -> dict[Partition, Position]:
        """See Broker.group_positions."""

    def set_positions(self, group_id: str, positions: Mapping[Partition, Position]) -> None:
        """See Broker.set_group_positions."""

    def offsets_at(self, topic: str, start: int) -> dict[Partition, int]:
        """See Broker.offsets_at."""

    def inspector(self) -> Inspector:
        """See AsksCluster.inspector."""


class AsksCluster:
    """The part of a broker that needs no `start`."""

    @property
    def _cluster(self) -> Questions:
        raise NotImplementedError

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """See Broker.create_topics. Kafka says that a topic is made before all its servers know of it."""
        self._cluster.create(topics)
        deadline = time.monotonic() + _KNOWN_SECONDS
        for topic in topics:
            while not self._knows(topic.name, deadline):
                time.sleep(_MOMENT_SECONDS)

    def group_positions(self, group_id: str, topic: str) -> dict[Partition, Position]:
        """See Broker.group_positions."""
        return self._cluster.positions(group_id, topic)

    def set_group_positions(self, group_id: str, positions: Mapping[Partition, Position]) -> None:
        """See Broker.set_group_positions."""
        self._cluster.set_positions(group_id, positions)

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
    assert isinstance(broker, AsksCluster)
    return broker.inspector()


def has_members(group_id: str) -> str:
    """Why the positions of a group cannot be set."""
    return f"group {group_id} is in use: its positions cannot be set while it has members"
