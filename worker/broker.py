"""The broker as the worker sees it: small types and one Protocol, with a Kafka client behind it or plain memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from models.extras import how_to_install
from worker.errors import AccessDenied, BadUse, KafkaAway
from worker.kafka_probe import greet_any
from worker.security import Security

EARLIEST = -2
LATEST = -1

# What both topics and producers accept; a larger dead letter goes without its value.
MAX_MESSAGE_BYTES = 8 * 1024 * 1024


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int


class Record(NamedTuple):
    """The bytes at a partition and offset, as they were read."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def next_offset(self) -> int:
        """The offset to go on from once this record is done."""
        return self.offset + 1


class Message(NamedTuple):
    """What is to be written; never a null key with a null value, never a null header value."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Position(NamedTuple):
    """A committed position: all before `next_offset` is done. `metadata` travels with it (at most 4,096 bytes)."""

    next_offset: int
    metadata: str = ""


class Polled(NamedTuple):
    """What one poll brought.

    `revoked` are the partitions that were taken away during it. Records of theirs from earlier polls that are not
    committed yet must be dropped: whoever has the partition next starts at the committed position, even if that is
    this same process again. `records` hold none of those.
    """

    records: Sequence[Record]
    revoked: frozenset[Partition] = frozenset()


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach Kafka and how long to wait for it. All times in seconds."""

    bootstrap_servers: str
    security: Security = field(default_factory=Security)
    client_id: str = "kafka-sentiment"
    session_timeout: float = 10.0
    transaction_timeout: float = 15.0
    # Ours, on every wait: past it the producer is abandoned, because the clients can wait for ever.
    deadline: float = 5.0


@dataclass(frozen=True, slots=True)
class Source:
    """What to read: a topic, as a member of a group, or all of it when `group_id` is None (nothing is committed then).

    `start` applies where nothing is committed: `EARLIEST`, `LATEST`, or milliseconds since 1970 (without a group only).
    """

    topic: str
    group_id: str | None = None
    start: int = EARLIEST


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to create."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str]


class Broker(Protocol):
    """One worker's connection to Kafka. Used from one thread; every call returns within its time limit.

    With a transactional id, what is produced and the committed positions of one batch are one transaction (exactly
    once). Without, messages are stored first and positions committed after (at least once).
    Reads committed records only.
    """

    def start(self, *topics: str) -> None:
        """Connect and check that `topics` (those to be written) and the source exist.

        Raises KafkaAway (call again later), AccessDenied, TopicMissing.
        """

    def poll(self, max_records: int, timeout_seconds: float) -> Polled:
        """Records after those of the last poll, in order per partition; joins the group and keeps its membership.

        Waits up to `timeout_seconds` for the first record, never for more. Empty while Kafka is away.
        Raises AccessDenied, TopicMissing.
        """

    def produce(self, messages: Sequence[Message]) -> None:
        """Start writing `messages`, in order per key; opens the transaction if there is none. Raises RetryBatch."""

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Wait until all that was produced is stored, and commit it with `positions` (empty: nothing was read).

        Raises BatchRefused, BatchExpired, AccessDenied. After an error only `rewind` and `close` are allowed.
        """

    def rewind(self) -> None:
        """Abandon what is not committed and go back to the committed positions; afterwards polls bring the same again.

        Raises KafkaAway (call again later), BatchRefused (likewise), AccessDenied.
        """

    def assignment(self) -> frozenset[Partition]:
        """The partitions that this member reads at the moment; empty before the group is joined."""

    def committed(self) -> dict[Partition, Position]:
        """The committed positions of the assigned partitions, asked of Kafka. Raises KafkaAway."""

    def lags(self) -> dict[Partition, int]:
        """Records left to read on each assigned partition, as far as known without asking; unknown ones are absent.

        0 means read to the end, whatever invisible records (transaction markers) stand there. After a few polls it is
        known for every partition, so that a reader can tell when it has seen everything.
        """

    def rebalances(self) -> int:
        """How many times partitions were assigned since the start."""

    def create_topics(self, topics: Sequence[Topic]) -> None:
        """Create those that do not exist yet, and wait until they can be used. Raises KafkaAway, AccessDenied."""

    def group_positions(self, group_id: str, topic: str) -> dict[Partition, Position]:
        """The committed positions of any group on all partitions of a topic, without joining it.

        Partitions without one are absent, as all are of a group that nobody knows. What was committed a moment ago may
        not show yet. Needs no `start` and no source.
        Raises KafkaAway, AccessDenied.
        """

    def set_group_positions(self, group_id: str, positions: Mapping[Partition, Position]) -> None:
        """Set positions of a group without members, as where it is to begin. Needs no `start` and no source.

        Raises StopWorker when the group has members, TopicMissing, KafkaAway, AccessDenied.
        """

    def offsets_at(self, topic: str, start: int) -> dict[Partition, int]:
        """The offset on each partition of a topic at which reading from `start` begins (see Source), asked of Kafka.

        `LATEST` is the end of what readers of committed records see. Needs no `start` and no source.
        Raises KafkaAway, AccessDenied, TopicMissing.
        """

    def close(self) -> None:
        """Abort what is open, leave the group, close the connections; bounded by the deadline, never raises."""


def kafka_answers(connection: Connection, timeout_seconds: float = 2.0) -> bool:
    """Whether any of the bootstrap servers answers a request: independent of any client's own state.

    One that stands still accepts connections all the same, as does what stands before it.
    """
    try:
        greet_any(connection.bootstrap_servers, connection.security, timeout_seconds)
    except KafkaAway:
        return False
    except (AccessDenied, BadUse):
        pass  # what is wrong is something else
    return True


def require_kafka(connection: Connection) -> None:
    """Raises KafkaAway, with a sentence, unless a server answers and we have the access token it may want.

    Raises AccessDenied where waiting does not help: a certificate is not trusted, a token is refused.
    """
    greet_any(connection.bootstrap_servers, connection.security, connection.deadline)
    if connection.security.access_tokens:
        connection.security.access_tokens.current()


def open_broker(client: str, connection: Connection, source: Source | None, transactional_id: str | None) -> Broker:
    """A broker on one of the Kafka clients, not connected yet. Raises BadUse when the client is not installed."""
    if client == "kafka-python":
        from worker.kafka_python_broker import KafkaPythonBroker

        return KafkaPythonBroker(connection, source, transactional_id)
    try:
        from worker.librdkafka_broker import LibrdkafkaBroker
    except ImportError as error:
        raise BadUse(
            f"SENTIMENT_KAFKA_CLIENT={client}: it is not installed ({error}): {how_to_install(client)}"
        ) from None
    return LibrdkafkaBroker(connection, source, transactional_id)
