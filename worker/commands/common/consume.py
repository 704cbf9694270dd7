"""Reading a topic from a command: from where, to where, and how records are shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from worker.errors import KafkaAway
from worker.kafka.broker import Broker
from worker.kafka.probe import kafka_answers
from worker.kafka.types import Connection, Partition, Record
from worker.settings.settings import Settings

POLL_RECORDS = 500
_POLL_SECONDS = 0.5
# A broker that restarts is back by then.
_AWAY_LIMIT_SECONDS = 30.0
_PROBE_SECONDS = 5.0


class Follower:
    """Polls for as long as Kafka answers. Raises KafkaAway when it has not for too long."""

    def __init__(
        self, broker: Broker, connection: Connection, answers: Callable[[Connection], bool] = kafka_answers
    ) -> None:
        self._broker = broker
        self._connection = connection
        self._answers = answers
        self._answered_at = time.monotonic()

    def poll(self) -> Sequence[Record]:
        """The records that came, perhaps none."""
        records = self._broker.poll(POLL_RECORDS, _POLL_SECONDS).records
        silent = time.monotonic() - self._answered_at
        if records or (silent > _PROBE_SECONDS and self._answers(self._connection)):
            self._answered_at = time.monotonic()
        elif silent > _AWAY_LIMIT_SECONDS:
            servers = self._connection.bootstrap_servers
            raise KafkaAway(f"no Kafka server has answered at {servers} for {_AWAY_LIMIT_SECONDS:.0f} s")
        return records

    def at_end(self, passed: Collection[Partition] = ()) -> bool:
        """Whether nothing is left to read, but on partitions that were `passed`."""
        lags, assigned = self._broker.lags(), self._broker.assignment()
        return bool(assigned) and all(part in passed or lags.get(part) == 0 for part in assigned)


class _Ends:
    """Where each partition ended when it was first seen, so that a stream that never pauses has an end too."""

    def __init__(self) -> None:
        self._ends: dict[Partition, int] = {}
        self.passed: set[Partition] = set()

    def note(self, records: Sequence[Record], lags: Mapping[Partition, int]) -> None:
        """After a poll that brought `records` and left `lags`."""
        for partition, next_offset in {Partition(r.topic, r.partition): r.next_offset for r in records}.items():
            if partition in lags:
                self._ends.setdefault(partition, next_offset + lags[partition])
            if next_offset >= self._ends.get(partition, next_offset + 1):
                self.passed.add(partition)


def read_to_end(
    broker: Broker, settings: Settings, answers: Callable[[Connection], bool] = kafka_answers
) -> Iterator[Sequence[Record]]:
    """What stood in the topic when reading began and perhaps a little more, a poll at a time.

    Raises KafkaAway when nothing more comes though something is left (a transaction stands open, or Kafka went away).
    """
    follower, ends = Follower(broker, settings.connection(), answers), _Ends()
    patience = settings.kafka_transaction_timeout_seconds + settings.kafka_session_timeout_seconds
    heard_at = time.monotonic()
    while not follower.at_end(ends.passed):
        records = follower.poll()
        if records:
            heard_at = time.monotonic()
            ends.note(records, broker.lags())
            yield records
        elif time.monotonic() - heard_at > patience:
            left = sum(broker.lags().values())
            raise KafkaAway(f"Kafka shows nothing more, though {left} records are left to read: try again later")
