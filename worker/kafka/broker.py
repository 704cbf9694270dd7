"""The broker as the worker sees it: small types and one Protocol, with a Kafka client behind it or plain memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from worker.kafka.types import CommittedOffset, Message, Partition, Polled, Topic


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

    def commit(self, offsets: Mapping[Partition, CommittedOffset]) -> None:
        """Wait until all that was produced is stored, and commit it with `offsets` (empty: nothing was read).

        Raises BatchRefused, BatchExpired, AccessDenied. After an error only `rewind` and `close` are allowed.
        """

    def rewind(self) -> None:
        """Abandon what is not committed and go back to the committed positions; afterwards polls bring the same again.

        Raises KafkaAway (call again later), BatchRefused (likewise), AccessDenied.
        """

    def assignment(self) -> frozenset[Partition]:
        """The partitions that this member reads at the moment; empty before the group is joined."""

    def committed(self) -> dict[Partition, CommittedOffset]:
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

    def group_offsets(self, group_id: str, topic: str) -> dict[Partition, CommittedOffset]:
        """The committed positions of any group on all partitions of a topic, without joining it.

        Partitions without one are absent, as all are of a group that nobody knows. What was committed a moment ago may
        not show yet. Needs no `start` and no source.
        Raises KafkaAway, AccessDenied.
        """

    def set_group_offsets(self, group_id: str, offsets: Mapping[Partition, CommittedOffset]) -> None:
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
