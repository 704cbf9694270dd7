"""What the worker and Kafka exchange: small immutable types, the same for every client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from worker.kafka.oauth import AccessTokens
from worker.tls import TlsFiles

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


class CommittedOffset(NamedTuple):
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
class Security:
    """How to identify ourselves to Kafka."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsFiles = field(default_factory=TlsFiles)
    access_tokens: AccessTokens | None = None


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
class Subscription:
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
