"""A call that went on past its deadline, on librdkafka's broker: it must do nothing more for the batch given up."""

from collections.abc import Mapping

import pytest
from confluent_kafka import KafkaError, KafkaException

from worker.kafka.librdkafka.broker import LibrdkafkaBroker
from worker.kafka.types import CommittedOffset, Connection, Partition, Subscription

POSITIONS = {Partition("reviews", 0): CommittedOffset(5)}


class PurgedProducer:
    """A producer that was given up while it still had messages: flushing ends, and they are reported undelivered."""

    def __init__(self, reports: list[KafkaError]) -> None:
        self._reports = reports

    def flush(self, _seconds: float) -> int:
        self._reports.append(KafkaError(KafkaError._PURGE_QUEUE))
        return 0


class Commits:
    """What would be committed."""

    def __init__(self) -> None:
        self.offsets: list[Mapping[Partition, CommittedOffset]] = []

    def commit(self, offsets: Mapping[Partition, CommittedOffset]) -> None:
        self.offsets.append(offsets)


def test_a_batch_that_was_given_up_is_not_committed_once_its_producer_is_gone() -> None:
    broker, commits = LibrdkafkaBroker(Connection("127.0.0.1:1"), Subscription("reviews", "group"), None), Commits()
    broker._reader = commits  # type: ignore[assignment]
    reports: list[KafkaError] = []
    # By now the broker has the next producer, of which nothing was reported yet.
    assert broker._undelivered is not reports
    with pytest.raises(KafkaException):
        broker._flush_and_commit(PurgedProducer(reports), reports, POSITIONS)
    assert commits.offsets == []


class BrokenConsumer:
    """A consumer whose client loses its own error while it leaves the group."""

    def close(self) -> None:
        raise SystemError("_PyErr_SetObject: exception <class 'str'> is not a BaseException subclass")


def test_closing_raises_nothing_whatever_the_client_makes_of_it() -> None:
    broker = LibrdkafkaBroker(Connection("127.0.0.1:1"), Subscription("reviews", "group"), None)
    broker._consumer = BrokenConsumer()
    broker.close()
    assert broker._consumer is None
