"""The broker on librdkafka (confluent-kafka), the fast client. The one file that knows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, TypeVar, TypeVarTuple

import confluent_kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from models.timing import Bounded, DeadlinePassed
from worker.errors import BadUse, BatchExpired, KafkaAway, MessageTooLarge, RetryBatch
from worker.kafka import configuration
from worker.kafka.admin import CachedAdmin
from worker.kafka.error_mapping import fences, translated
from worker.kafka.fencing import Fences
from worker.kafka.librdkafka.admin import Topics
from worker.kafka.librdkafka.consumer import Reader, Reasons, log
from worker.kafka.probe import require_kafka
from worker.kafka.types import CommittedOffset, Connection, Message, Partition, Polled, Subscription

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")

_MOMENT_SECONDS = 0.02


class LibrdkafkaBroker(CachedAdmin):
    """See `worker.kafka.broker.Broker`, whose contract this fulfils."""

    def __init__(
        self,
        connection: Connection,
        subscription: Subscription | None,
        transactional_id: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._subscription = subscription
        self._transactional_id = transactional_id
        self._clock = clock
        self._bounded = Bounded("librdkafka")
        self._fences = Fences(transactional_id, clock)
        self._reasons = Reasons()
        self._consumer: Any = None
        self._producer: Any = None
        self._reader: Any = None
        self._asked: Topics | None = None
        self._in_transaction = False
        self._unsure = False
        self._undelivered: list[KafkaError] = []

    def start(self, *topics: str) -> None:
        require_kafka(self._connection)
        numbers = self._cluster.partition_numbers(
            {*topics, *([self._subscription.topic] if self._subscription else [])}
        )
        if self._subscription and self._reader is None:
            config = configuration.librdkafka_consumer(self._connection, self._subscription)
            self._consumer = self._consumer or self._client(Consumer, config)
            reader = Reader(self._consumer, TopicPartition, self._subscription, self._reasons, self._clock)
            self._or_away(reader.begin, numbers[self._subscription.topic], self._connection.deadline)
            self._reader = reader
        if (topics or self._transactional_id) and (self._producer is None or self._unsure):
            self._renew_producer()

    def poll(self, max_records: int, timeout_seconds: float) -> Polled:
        try:
            return Polled(*self._reader.poll(max_records, timeout_seconds))
        except KafkaException as error:
            self._fail(error.args[0])

    def produce(self, messages: Sequence[Message]) -> None:
        try:
            self._begin()
            write = self._producer.produce
            for topic, key, value, headers in messages:
                try:
                    write(topic, value, key, headers=headers)
                except BufferError:
                    self._write_when_there_is_room(topic, value, key, headers)
        except KafkaException as error:
            self._fail(error.args[0])

    def commit(self, committed: Mapping[Partition, CommittedOffset]) -> None:
        if self._subscription is None or self._subscription.group_id is None:
            committed = {}
        membership = self._reader.membership(committed) if committed else None
        if self._transactional_id:
            self._begin()
            self._ask(self._commit_transaction, self._producer, committed, membership)
            self._in_transaction = False
        else:
            # Handed over, for a call past its deadline must not go on with what is the next producer's.
            self._ask(self._flush_and_commit, self._producer, self._undelivered, committed)

    def rewind(self) -> None:
        if self._producer is not None and (self._unsure or not self._aborted()):
            self._renew_producer()
        if self._reader:
            self._or_away(self._reader.rewind, self._connection.deadline)

    def assignment(self) -> frozenset[Partition]:
        return self._reader.assigned if self._reader else frozenset()

    def committed(self) -> dict[Partition, CommittedOffset]:
        return self._or_away(self._reader.committed, self._connection.deadline)

    def lags(self) -> dict[Partition, int]:
        return dict(self._reader.lags())

    def rebalances(self) -> int:
        return self._reader.rebalances if self._reader else 0

    def close(self) -> None:
        until = self._clock() + self._connection.deadline
        if self._in_transaction and not self._unsure:
            self._quietly(self._producer.abort_transaction, self._connection.deadline, until=until)
        self._discard_producer()
        if self._consumer is not None:
            self._quietly(self._consumer.close, until=until)
        self._consumer = self._reader = self._asked = None
        self._bounded.close()

    def _begin(self) -> None:
        if self._transactional_id and not self._in_transaction:
            self._producer.begin_transaction()
            self._in_transaction = True

    def _write_when_there_is_room(self, topic: str, value: Any, key: Any, headers: Any) -> None:
        until = self._clock() + self._connection.deadline
        while self._clock() < until:
            self._producer.poll(_MOMENT_SECONDS)
            with suppress(BufferError):
                self._producer.produce(topic, value, key, headers=headers)
                return
        self._unsure = True
        raise BatchExpired("Kafka takes messages too slowly")

    def _commit_transaction(
        self, producer: Any, committed: Mapping[Partition, CommittedOffset], membership: bytes | None
    ) -> None:
        if committed:
            offsets = self._reader.offsets(committed)
            producer.send_offsets_to_transaction(offsets, membership, self._connection.deadline)
        producer.commit_transaction(self._connection.deadline)
        # Serves what the client has to say, its log lines for one.
        producer.poll(0)

    def _flush_and_commit(
        self, producer: Any, undelivered: Sequence[KafkaError], committed: Mapping[Partition, CommittedOffset]
    ) -> None:
        if producer is not None and producer.flush(self._connection.deadline):
            raise DeadlinePassed("messages are still unsent")
        if undelivered:
            raise KafkaException(undelivered[0])
        if committed:
            self._reader.commit(committed)

    def _aborted(self) -> bool:
        """Whether the producer can go on: nothing was open, or it was aborted."""
        try:
            if self._in_transaction:
                self._ask(self._producer.abort_transaction, self._connection.deadline)
        except RetryBatch:
            return False
        self._in_transaction = False
        return True

    def _renew_producer(self) -> None:
        self._discard_producer()
        self._unsure, self._undelivered = True, []
        config = configuration.librdkafka_producer(self._connection, self._transactional_id)
        if self._transactional_id is None:
            # The list is this producer's own: an abandoned one may go on to report.
            config["on_delivery"] = partial(_note_failure, self._undelivered)
        self._producer = self._client(Producer, config)
        if self._transactional_id:
            # Fences the one before us and ends what it left open, so that the committed positions are settled.
            try:
                self._ask(self._producer.init_transactions, self._connection.deadline)
            except BatchExpired as error:
                raise KafkaAway(str(error)) from error
        self._unsure = False

    def _discard_producer(self) -> None:
        # Ending one can take long. Whoever holds the last reference ends it, so none stays here.
        discarded, self._producer, self._in_transaction = [self._producer], None, False
        threading.Thread(target=_purge, args=(discarded,), name="discard", daemon=True).start()

    @property
    def _cluster(self) -> Topics:
        if self._asked is None:
            require_kafka(self._connection)
            admin = self._client(AdminClient, configuration.librdkafka_common(self._connection))
            self._asked = Topics(confluent_kafka, admin, self._reasons, self._connection.deadline, self._clock)
        return self._asked

    def _client(self, kind: Callable[..., Any], config: dict[str, Any]) -> Any:
        try:
            return kind({**config, "error_cb": self._reasons.note}, logger=log)
        except KafkaException as error:
            raise BadUse(f"the Kafka client refuses the settings: {error.args[0].str()}") from error

    def _ask(self, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Call in a helper thread, for what may ignore its time limit and is thrown away then."""
        try:
            return self._bounded.call(function, *arguments, seconds=self._connection.deadline)
        except DeadlinePassed as error:
            self._unsure = True
            raise BatchExpired(f"Kafka did not answer: {error}") from error
        except KafkaException as error:
            self._fail(error.args[0])

    def _or_away(self, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Call what keeps its own time limit."""
        try:
            return function(*arguments)
        except KafkaException as error:
            problem = translated(error.args[0])
            raise KafkaAway(str(problem)) if isinstance(problem, BatchExpired) else problem from error

    def _fail(self, error: KafkaError) -> NoReturn:
        problem = translated(error)
        # After a message that was refused, the client counts on from a sequence number that Kafka never saw.
        self._unsure = not error.txn_requires_abort() or isinstance(problem, MessageTooLarge)
        self._reasons.check()
        if fences(error):
            self._fences.fenced()
        raise problem from KafkaException(error)

    def _quietly(self, function: Callable[[*Arguments], object], *arguments: *Arguments, until: float) -> None:
        # The client sometimes raises what is no exception on close (confluent-kafka 2.16), which Python reports so.
        with suppress(KafkaException, DeadlinePassed, SystemError):
            self._bounded.call(function, *arguments, seconds=until - self._clock())


def _purge(discarded: list[Any]) -> None:
    if (producer := discarded.pop()) is not None:
        with suppress(KafkaException):
            producer.purge(blocking=False)


def _note_failure(undelivered: list[KafkaError], error: KafkaError | None, _message: Any) -> None:
    if error is not None:
        undelivered.append(error)
