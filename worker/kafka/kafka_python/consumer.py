"""The reading half of the broker on kafka-python. It is handed the consumer and knows no client itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from worker.errors import BatchExpired, BatchRefused, RetryBatch, StopWorker, WorkerError
from worker.kafka.admin import offsets_or_ends
from worker.kafka.types import EARLIEST, LATEST, CommittedOffset, Partition, Polled, Record, Subscription

Result = TypeVar("Result")

# What the clients themselves answer where there is no such offset.
_NONE = -1
# The share of the deadline for what can be done without is one in so many.
_PATIENT_PARTS = 4


class Calls(Protocol):
    """Calls into the client, each bounded by a deadline, and what the client calls its things."""

    @property
    def errors(self) -> type[Exception]:
        """The root of the client's errors."""

    @property
    def partition(self) -> Callable[[str, int], Any]:
        """The client's own kind of `Partition`."""

    def __call__(self, function: Callable[..., Result], *arguments: Any, **options: Any) -> Result:
        """What the function returns. Raises RetryBatch or StopWorker."""

    def translated(self, error: Exception) -> WorkerError:
        """This package's error for one of the client's."""


class Rebalances:
    """Notes what changes, called on the client's own thread; it is read after the poll during which that happened."""

    def __init__(self) -> None:
        self.rebalances = 0
        self.changes = 0  # grows with everything that is noted
        self._revoked: set[Partition] = set()

    def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """These are no longer ours, or about to be."""
        self._revoked |= {Partition(*part) for part in revoked}
        self.changes += 1

    def on_partitions_lost(self, lost: set[Any]) -> None:
        """These went without our being asked."""
        self.on_partitions_revoked(lost)

    def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """A rebalance is over."""
        self.rebalances += 1
        self.changes += 1

    def take_revoked(self) -> frozenset[Partition]:
        """The partitions taken away since the last time."""
        if not self._revoked:
            return frozenset()
        revoked, self._revoked = self._revoked, set()
        return frozenset(revoked)


class Reader:
    """A consumer of one source, which never commits by itself."""

    def __init__(
        self, consumer: Any, subscription: Subscription, listener: Rebalances, call: Calls, deadline: float
    ) -> None:
        self._consumer = consumer
        self._subscription = subscription
        self._listener = listener
        self._call = call
        self._milliseconds = deadline * 1000
        self._membership: Any = None
        self._settled = 0
        self._first: dict[Any, int] = {}

    @property
    def rebalances(self) -> int:
        """How many times partitions were assigned."""
        return self._listener.rebalances

    def partitions_of(self, topic: str) -> set[int]:
        """The numbers of a topic's partitions; empty when there is no such topic."""
        return set(self._call(self._consumer.partitions_for_topic, topic))

    def open(self) -> None:
        """Join the group, or take all partitions; once."""
        if self._consumer.subscription() or self._consumer.assignment():
            return
        if self._subscription.group_id:
            self._consumer.subscribe([self._subscription.topic], listener=self._listener)
            return
        numbers = sorted(self.partitions_of(self._subscription.topic))
        parts = [self._call.partition(self._subscription.topic, number) for number in numbers]
        self._consumer.assign(parts)
        self._call(self._seek_to_start, parts)

    def poll(self, max_records: int, timeout_seconds: float) -> Polled:
        """See Broker.poll."""
        moved = self._settle()
        try:
            polled = self._consumer.poll(timeout_ms=timeout_seconds * 1000, max_records=max_records)
        except self._call.errors as error:
            problem = self._call.translated(error)
            if isinstance(problem, StopWorker):
                raise problem from error
            # Records that the client had in hand by then are gone: settle before the next poll.
            polled, self._settled, moved = {}, -1, self.assignment()
        if polled:
            # Now, not at the commit: a member that is thrown out in between has no generation any more, and Kafka
            # takes an offset commit without a generation from anybody.
            self._membership = self._consumer.group_metadata()
        if self._subscription.group_id and self._settled != self._listener.changes:
            polled = {}
        for part, found in polled.items():
            self._first.setdefault(part, found[0].offset)
        records = [
            Record(part.topic, part.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
            for part, found in polled.items()
            for r in found
        ]
        return Polled(records, self._listener.take_revoked() | moved)

    def membership(self) -> Any:
        """As whose member the last records were read. Raises BatchRefused when it was nobody's."""
        if self._membership is None or self._membership.generation_id < 0 or not self._membership.member_id:
            raise BatchRefused("this worker was no longer a member of the group when it read the batch")
        return self._membership

    def commit(self, offsets: Mapping[Any, Any]) -> None:
        """Commit outside of any transaction; nothing without a group. To be called through `Calls`."""
        if self._subscription.group_id:
            self._consumer.commit(offsets, timeout_ms=self._milliseconds)

    def rewind(self) -> None:
        """Go back to the committed positions; where there is none, to where reading began."""
        self._call(self._seek_to_committed)

    def assignment(self) -> frozenset[Partition]:
        """See Broker.assignment."""
        return frozenset(Partition(*part) for part in self._consumer.assignment())

    def committed(self) -> dict[Partition, CommittedOffset]:
        """See Broker.committed."""
        return self._call(self._read_committed)

    def lags(self) -> dict[Partition, int]:
        """See Broker.lags."""
        lags: dict[Partition, int] = {}
        if self._subscription.group_id and self._settled != self._listener.changes:
            # The client stands behind records that did not count and are read again.
            return lags
        for part in self._consumer.assignment():
            end = self._consumer.highwater(part)
            with suppress(self._call.errors):
                position = self._consumer.position(part, timeout_ms=0)
                if end is not None and position is not None:
                    lags[Partition(*part)] = max(0, end - position)
        return lags

    def close(self, seconds: float) -> None:
        """Leave the group and close the connections."""
        with suppress(StopWorker, RetryBatch):
            self._call(self._consumer.close, autocommit=False, timeout_ms=seconds * 1000)

    def _settle(self) -> frozenset[Partition]:
        """After a rebalance, go to the committed positions; returns the partitions for which that was tried.

        By itself the client goes on where it stood on each partition that it keeps, which would pass over the records
        that were dropped when all were revoked. Until this succeeds, what is polled does not count.
        """
        changes = self._listener.changes
        if changes == self._settled or not self._subscription.group_id:
            return frozenset()
        with suppress(RetryBatch):
            self._call(self._seek_to_committed)
            self._settled = changes
        return self.assignment()

    def _read_committed(self) -> dict[Partition, CommittedOffset]:
        found: dict[Partition, CommittedOffset] = {}
        for part in self._consumer.assignment() if self._subscription.group_id else ():
            # The first answer may be to a question of long ago: the client keeps one that nobody waited for to the end.
            self._consumer.committed(part, timeout_ms=self._milliseconds)
            offset = self._consumer.committed(part, metadata=True, timeout_ms=self._milliseconds)
            if offset is not None:
                found[Partition(*part)] = CommittedOffset(offset.offset, offset.metadata or "")
        return found

    def _seek_to_committed(self) -> None:
        committed, parts = self._read_committed(), list(self._consumer.assignment())
        starts = self._starts([part for part in parts if Partition(*part) not in committed and part not in self._first])
        for part in parts:
            if found := committed.get(Partition(*part)):
                self._consumer.seek(part, found.next_offset)
            elif (offset := self._first.get(part, starts.get(part))) is not None:
                self._consumer.seek(part, offset)
            elif self._subscription.start == LATEST:
                self._consumer.seek_to_end(part)
            else:
                self._consumer.seek_to_beginning(part)

    def _starts(self, parts: list[Any]) -> dict[Any, int]:
        """Where partitions begin from which nothing was committed or read yet; empty where Kafka does not tell soon."""
        # seek_to_beginning asks in the background: until the answer is there, the client drops what Kafka says of a
        # partition, and of one without records Kafka says it only once. Its end would stay unknown. But one partition
        # whose server is away must not keep the others waiting.
        with suppress(self._call.errors, BatchExpired):
            return self._offsets_at(parts, self._subscription.start, self._milliseconds / _PATIENT_PARTS)
        return {}

    def _seek_to_start(self, parts: list[Any]) -> None:
        for part, offset in offsets_or_ends(
            lambda start: self._offsets_at(parts, start), self._subscription.start
        ).items():
            self._consumer.seek(part, offset)

    def _offsets_at(self, parts: list[Any], start: int, milliseconds: float | None = None) -> dict[Any, int]:
        limit = {"timeout_ms": milliseconds or self._milliseconds}
        try:
            if start == EARLIEST:
                return dict(self._consumer.beginning_offsets(parts, **limit))
            if start == LATEST:
                return dict(self._consumer.end_offsets(parts, **limit))
            answers = self._consumer.offsets_for_times(dict.fromkeys(parts, start), **limit)
        except KeyError as error:
            # The client expects an answer for each, though it asks the servers only that it knows.
            raise BatchExpired(f"no server has {error.args[0]} at the moment") from error
        return {part: found.offset if found else _NONE for part, found in answers.items()}
