"""The broker on kafka-python, the default client. One of the two files that know a Kafka client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, TypeVar

import kafka
from kafka import errors as kafka_errors
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.structs import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

from worker import client_config
from worker.broker import (
    EARLIEST,
    LATEST,
    MAX_MESSAGE_BYTES,
    Connection,
    Fences,
    Message,
    Partition,
    Polled,
    Position,
    Record,
    Source,
    Topic,
    kafka_answers,
)
from worker.deadline import Bounded, DeadlinePassed
from worker.errors import AccessDenied, BatchExpired, BatchRefused, KafkaAway, StopWorker, TopicMissing, WorkerError

Result = TypeVar("Result")

_FENCED = (kafka_errors.ProducerFencedError, kafka_errors.InvalidProducerEpochError)
_DENIED = (
    kafka_errors.AuthorizationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
)


class KafkaPythonBroker:
    """See `worker.broker.Broker`, whose contract this fulfils."""

    def __init__(self, connection: Connection, source: Source | None, transactional_id: str | None) -> None:
        self._connection = connection
        self._source = source
        self._transactional_id = transactional_id
        self._bounded = Bounded("kafka")
        self._fences = Fences(transactional_id)
        self._listener = _Listener()
        self._consumer: Any = None
        self._producer: Any = None
        self._membership: ConsumerGroupMetadata | None = None
        self._in_transaction = False
        self._pending: list[Any] = []

    def start(self, *topics: str) -> None:
        if not kafka_answers(self._connection.bootstrap_servers):
            raise KafkaAway(f"no Kafka server answers at {self._connection.bootstrap_servers}")
        if self._consumer is None and self._source is not None:
            self._consumer = self._call(
                kafka.KafkaConsumer, **client_config.kafka_python_consumer(self._connection, self._source)
            )
        if self._source is not None:
            self._require(self._source.topic, self._consumer.partitions_for_topic)
        if topics or self._transactional_id:
            self._renew_producer()
        for topic in topics:
            self._require(topic, self._producer.partitions_for)
        if self._source is not None and not self._consumer.subscription() and not self._consumer.assignment():
            self._subscribe(self._source)

    def poll(self, max_records: int, timeout_seconds: float) -> Polled:
        try:
            polled = self._consumer.poll(timeout_ms=timeout_seconds * 1000, max_records=max_records)
        except kafka_errors.KafkaError as error:
            if isinstance(error, _DENIED):
                self._fail(error)
            polled = {}
        if polled:
            # Now, not at the commit: a member that is thrown out in between has no generation any more, and Kafka
            # takes an offset commit without a generation from anybody.
            self._membership = self._consumer.group_metadata()
        records = [
            Record(part.topic, part.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
            for part, found in polled.items()
            for r in found
        ]
        return Polled(records, self._listener.take_revoked())

    def produce(self, messages: Sequence[Message]) -> None:
        try:
            if self._transactional_id and not self._in_transaction:
                self._producer.begin_transaction()
                self._in_transaction = True
            send, keep = self._producer.send, self._pending.append
            for topic, key, value, headers in messages:
                keep(send(topic, value, key, headers))
        except kafka_errors.KafkaError as error:
            self._fail(error)

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        offsets = {
            TopicPartition(*part): OffsetAndMetadata(position.next_offset, position.metadata)
            for part, position in positions.items()
        }
        if self._transactional_id:
            self._call(self._commit_transaction, offsets)
            self._in_transaction = False
        else:
            self._call(self._flush_and_commit, offsets)
        self._pending.clear()

    def rewind(self) -> None:
        self._renew_producer()
        if self._consumer is not None and self._source is not None and self._source.group_id:
            self._call(self._seek_to_committed, self._consumer.assignment())

    def assignment(self) -> frozenset[Partition]:
        return frozenset(Partition(*part) for part in self._consumer.assignment())

    def committed(self) -> dict[Partition, Position]:
        try:
            return self._call(self._read_committed, self._consumer.assignment())
        except (BatchRefused, BatchExpired) as error:
            raise KafkaAway(str(error)) from error

    def lags(self) -> dict[Partition, int]:
        lags = {}
        for part in self._consumer.assignment():
            end = self._consumer.highwater(part)
            with suppress(kafka_errors.KafkaError):
                position = self._consumer.position(part, timeout_ms=0)
                if end is not None and position is not None:
                    lags[Partition(*part)] = max(0, end - position)
        return lags

    def rebalances(self) -> int:
        return self._listener.rebalances

    def create_topics(self, topics: Sequence[Topic]) -> None:
        admin = self._call(KafkaAdminClient, **client_config.kafka_python_common(self._connection))
        try:
            for topic in topics:
                new = NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=dict(topic.configs))
                with suppress(kafka_errors.TopicAlreadyExistsError):
                    self._bounded.call(partial(admin.create_topics, [new]), seconds=self._connection.deadline)
        except (kafka_errors.KafkaError, DeadlinePassed) as error:
            self._fail(error)
        finally:
            admin.close()

    def close(self) -> None:
        self._abandon_producer()
        if self._consumer is not None:
            with suppress(kafka_errors.KafkaError, DeadlinePassed):
                seconds = min(2.0, self._connection.deadline)
                self._bounded.call(partial(self._consumer.close, False, seconds * 1000), seconds=seconds)
            self._consumer = None

    def _commit_transaction(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        if not self._in_transaction:
            self._producer.begin_transaction()
            self._in_transaction = True
        self._producer.flush()
        if offsets:
            if self._membership is None or self._membership.generation_id < 0 or not self._membership.member_id:
                raise BatchRefused("this worker was no longer a member of the group when it read the batch")
            self._producer.send_offsets_to_transaction(offsets, self._membership)
        self._producer.commit_transaction()

    def _flush_and_commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        self._producer.flush(timeout=self._connection.deadline)
        for future in self._pending:
            if future.failed():
                raise future.exception
        if offsets:
            self._consumer.commit(offsets, timeout_ms=self._connection.deadline * 1000)

    def _renew_producer(self) -> None:
        self._abandon_producer()
        self._producer = self._call(
            kafka.KafkaProducer, **client_config.kafka_python_producer(self._connection, self._transactional_id)
        )
        if self._transactional_id:
            # Fences the one before us and ends what it left open, so that the committed positions are settled.
            self._call(self._producer.init_transactions)

    def _abandon_producer(self) -> None:
        producer, self._producer, self._in_transaction = self._producer, None, False
        self._pending.clear()
        if producer is not None:
            threading.Thread(target=_close_producer, args=(producer,), daemon=True).start()

    def _seek_to_committed(self, parts: set[TopicPartition]) -> None:
        committed = self._read_committed(parts)
        for part in parts:
            if found := committed.get(Partition(*part)):
                self._consumer.seek(part, found.next_offset)
            elif self._source is not None and self._source.start == LATEST:
                self._consumer.seek_to_end(part)
            else:
                self._consumer.seek_to_beginning(part)

    def _read_committed(self, parts: set[TopicPartition]) -> dict[Partition, Position]:
        found = {}
        for part in parts:
            offset = self._consumer.committed(part, metadata=True, timeout_ms=self._connection.deadline * 1000)
            if offset is not None:
                found[Partition(*part)] = Position(offset.offset, offset.metadata or "")
        return found

    def _subscribe(self, source: Source) -> None:
        if source.group_id:
            self._consumer.subscribe([source.topic], listener=self._listener)
            return
        parts = [TopicPartition(source.topic, n) for n in sorted(self._consumer.partitions_for_topic(source.topic))]
        self._consumer.assign(parts)
        self._call(self._seek_to_start, parts, source.start)

    def _seek_to_start(self, parts: list[TopicPartition], start: int) -> None:
        if start == EARLIEST:
            self._consumer.seek_to_beginning(*parts)
        elif start == LATEST:
            self._consumer.seek_to_end(*parts)
        else:
            for part, found in self._consumer.offsets_for_times(dict.fromkeys(parts, start)).items():
                self._consumer.seek(part, found.offset) if found else self._consumer.seek_to_end(part)

    def _require(self, topic: str, partitions_for: Callable[[str], set[int]]) -> None:
        with suppress(BatchExpired):
            if self._call(partitions_for, topic):
                return
        raise TopicMissing(f"topic {topic} does not exist, or may not be seen: create it (worker run --create-topics)")

    def _call(self, function: Callable[..., Result], *args: Any, **options: Any) -> Result:
        try:
            return self._bounded.call(partial(function, *args, **options), seconds=self._connection.deadline)
        except (kafka_errors.KafkaError, DeadlinePassed) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> NoReturn:
        if isinstance(error, _FENCED):
            self._fences.fenced()
        raise _translated(error) from error


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Called on the client's own thread; what it notes is read after the poll during which it was called."""

    def __init__(self) -> None:
        self._revoked: set[Partition] = set()
        self.rebalances = 0

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._revoked |= {Partition(*part) for part in revoked}

    def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        self.on_partitions_revoked(lost)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.rebalances += 1

    def take_revoked(self) -> frozenset[Partition]:
        if not self._revoked:
            return frozenset()
        revoked, self._revoked = self._revoked, set()
        return frozenset(revoked)


def _close_producer(producer: Any) -> None:
    with suppress(kafka_errors.KafkaError):
        # Raises where something is unsent and then leaves its thread running, hence the second line.
        producer.close(timeout=0)
    producer._sender.force_close()


def _translated(error: Exception) -> WorkerError:
    if isinstance(error, kafka_errors.AuthorizationError):
        return AccessDenied(f"Kafka denies a permission that the worker needs ({error}): see Permissions in README.md")
    if isinstance(error, _DENIED):
        return AccessDenied(f"Kafka refuses the credentials ({error}): check the SENTIMENT_KAFKA_SASL_ settings")
    if isinstance(error, DeadlinePassed | kafka_errors.RetriableError):
        return BatchExpired(f"Kafka did not answer in time ({error or type(error).__name__})")
    if isinstance(error, kafka_errors.MessageSizeTooLargeError):
        return StopWorker(
            f"a topic refuses a message for its size ({error}): set its max.message.bytes to {MAX_MESSAGE_BYTES}"
        )
    return BatchRefused(f"Kafka refused the batch ({error or type(error).__name__})")
