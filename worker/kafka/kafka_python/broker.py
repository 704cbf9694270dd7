"""The broker on kafka-python, the default client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, TypeVar

import kafka
import kafka.admin
from kafka import errors as kafka_errors
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.structs import OffsetAndMetadata, TopicPartition

from models.timing import Bounded, DeadlinePassed
from worker.errors import BatchExpired, KafkaAway, RetryBatch, StopWorker, TopicMissing, WorkerError
from worker.kafka import configuration
from worker.kafka.admin import CachedAdmin
from worker.kafka.error_mapping import NamedError, fences, refusals, translated
from worker.kafka.fencing import Fences
from worker.kafka.kafka_python.admin import Topics
from worker.kafka.kafka_python.consumer import Reader, Rebalances
from worker.kafka.kafka_python.patches import (
    await_coordinators,
    keep_auth_error,
    mask_credentials,
    read_any_header_name,
)
from worker.kafka.partitioner import assign_partitions
from worker.kafka.probe import require_kafka
from worker.kafka.types import CommittedOffset, Connection, Message, Partition, Polled, Subscription

Result = TypeVar("Result")

_Offsets = dict[TopicPartition, OffsetAndMetadata]

# So much of the time to stop goes to leaving the group.
_LEAVE_SECONDS = 2.0


class KafkaPythonBroker(CachedAdmin):
    """See `worker.kafka.broker.Broker`, whose contract this fulfils. The writing half; `Reader` is the other one."""

    def __init__(self, connection: Connection, subscription: Subscription | None, transactional_id: str | None) -> None:
        self._connection = connection
        self._subscription = subscription
        self._transactional_id = transactional_id
        self._call = _Calls(connection, transactional_id)
        self._topics = Topics(kafka, self._call, connection)
        self._opened: Reader | None = None
        self._producer: Any = None
        self._in_transaction = False
        self._pending: list[Any] = []

    def start(self, *topics: str) -> None:
        require_kafka(self._connection)
        try:
            self._connect(topics)
        except BatchExpired as error:
            raise KafkaAway(str(error)) from error

    def poll(self, max_records: int, timeout_seconds: float) -> Polled:
        return self._reader.poll(max_records, timeout_seconds)

    def produce(self, messages: Sequence[Message]) -> None:
        try:
            self._begin()
            send, keep = self._producer.send, self._pending.append
            indices = assign_partitions(messages, lambda topic: len(self._producer.partitions_for(topic)))
            for (topic, key, value, headers), partition in zip(messages, indices, strict=True):
                keep(send(topic, value, key, headers, partition))
        except kafka_errors.KafkaError as error:
            self._call.fail(error)

    def commit(self, committed: Mapping[Partition, CommittedOffset]) -> None:
        offsets = {
            TopicPartition(*part): OffsetAndMetadata(committed_offset.next_offset, committed_offset.metadata)
            for part, committed_offset in committed.items()
        }
        commit = self._commit_transaction if self._transactional_id else self._commit_offsets
        if self._transactional_id and not self._in_transaction:
            self._call(self._begin)
        # Handed over, for a call past its deadline must not go on with the producer that comes after.
        self._call(commit, self._producer, self._pending, offsets)
        self._in_transaction = False
        self._pending = []

    def rewind(self) -> None:
        self._renew_producer()
        if self._opened is not None:
            self._opened.rewind()

    def assignment(self) -> frozenset[Partition]:
        return self._reader.assignment()

    def committed(self) -> dict[Partition, CommittedOffset]:
        try:
            return self._reader.committed()
        except RetryBatch as error:
            raise KafkaAway(str(error)) from error

    def lags(self) -> dict[Partition, int]:
        return self._reader.lags()

    def rebalances(self) -> int:
        return self._reader.rebalances

    def close(self) -> None:
        if self._in_transaction:
            # Or readers would wait for its time-out before they see what others write.
            with suppress(RetryBatch, StopWorker):
                self._call(self._producer.abort_transaction)
        self._abandon_producer()
        self._topics.close()
        if self._opened is not None:
            self._opened.close(min(_LEAVE_SECONDS, self._connection.deadline))
            self._opened = None

    def _connect(self, topics: Sequence[str]) -> None:
        if self._subscription is not None:
            self._opened = self._opened or self._open_reader(self._subscription)
            self._require(self._subscription.topic, self._opened.partitions_of(self._subscription.topic))
        if topics or self._transactional_id:
            self._renew_producer()
        for topic in topics:
            self._require(topic, self._partitions_to_write(topic))
        if self._opened is not None:
            self._opened.open()

    def _open_reader(self, subscription: Subscription) -> Reader:
        read_any_header_name()
        consumer = self._call(
            kafka.KafkaConsumer, **configuration.kafka_python_consumer(self._connection, subscription)
        )
        return Reader(consumer, subscription, _Listener(), self._call, self._connection.deadline)

    @property
    def _cluster(self) -> Topics:
        return self._topics

    @property
    def _reader(self) -> Reader:
        if self._opened is None:
            raise RuntimeError("a broker reads after `start`, and only with a source")
        return self._opened

    def _begin(self) -> None:
        if self._transactional_id and not self._in_transaction:
            self._producer.begin_transaction()
            self._in_transaction = True

    def _commit_transaction(self, producer: Any, pending: list[Any], offsets: _Offsets) -> None:
        _flush(producer, pending)
        if offsets:
            producer.send_offsets_to_transaction(offsets, self._reader.membership())
        producer.commit_transaction()

    def _commit_offsets(self, producer: Any, pending: list[Any], offsets: _Offsets) -> None:
        _flush(producer, pending)
        if offsets:
            self._reader.commit(offsets)

    def _renew_producer(self) -> None:
        self._abandon_producer()
        config = configuration.kafka_python_producer(self._connection, self._transactional_id)
        self._producer = self._call(kafka.KafkaProducer, **config)
        await_coordinators(self._producer)
        if self._transactional_id:
            # Fences the one before us and ends what it left open, so that the committed positions are settled.
            self._call(self._producer.init_transactions)

    def _abandon_producer(self) -> None:
        producer, self._producer, self._in_transaction = self._producer, None, False
        self._pending = []
        if producer is not None:
            threading.Thread(target=_close_producer, args=(producer,), daemon=True).start()

    def _partitions_to_write(self, topic: str) -> set[int]:
        with suppress(BatchExpired):
            return self._call(self._producer.partitions_for, topic)
        return set()

    def _require(self, topic: str, partitions: set[int]) -> None:
        if not partitions:
            raise TopicMissing(
                f"topic {topic} does not exist (create it: worker run --create-topics) or may not be seen "
                "(see worker/docs/permissions.md)"
            )


class _Calls:
    """See `kafka_python_reader.Calls`."""

    errors = kafka_errors.KafkaError
    partition = TopicPartition

    def __init__(self, connection: Connection, transactional_id: str | None) -> None:
        self._deadline = connection.deadline
        self._bounded = Bounded("kafka")
        self._fences = Fences(transactional_id)
        self._began = time.monotonic()
        keep_auth_error()
        mask_credentials()
        refusals.watch()

    def __call__(self, function: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
        try:
            return self._bounded.call(partial(function, *arguments, **options), seconds=self._deadline)
        except (kafka_errors.KafkaError, DeadlinePassed) as error:
            self.fail(error)

    def fail(self, error: Exception) -> NoReturn:
        """Raise this package's error for one of the client's, StopWorker where two processes fence each other."""
        if fences(NamedError(error)):
            self._fences.fenced()
        load_failure = refusals.since(max(self._began, time.monotonic() - self._deadline))
        raise self.translated(load_failure or error) from error

    def translated(self, error: Exception) -> WorkerError:
        return error if isinstance(error, WorkerError) else translated(NamedError(error))


class _Listener(Rebalances, ConsumerRebalanceListener):  # type: ignore[misc]
    """What kafka-python takes as a listener."""


def _flush(producer: Any, pending: list[Any]) -> None:
    if producer is not None:
        producer.flush()
    for future in pending:
        if future.failed():
            raise future.exception


def _close_producer(producer: Any) -> None:
    with suppress(kafka_errors.KafkaError):
        # Raises where something is unsent and then leaves its thread running, hence the second line.
        producer.close(timeout=0)
    producer._sender.force_close()
