"""What the checks of doctor have in common: settings, connections, and what earlier checks have found."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from models.scorer import Scorer
from worker.errors import KafkaAway, RetryBatch
from worker.kafka.admin import Inspector, Server, TopicFacts, inspector_of
from worker.kafka.broker import Broker
from worker.kafka.connect import open_broker
from worker.kafka.types import Partition
from worker.settings.settings import Settings

Result = TypeVar("Result")

# A Kafka that was just started makes the topics of its coordinators when the first client asks for one.
PATIENCE_SECONDS = 15.0
_RETRY_SECONDS = 0.3

# How far back arrivals are counted, the shortest first.
WINDOWS_SECONDS = (60.0, 600.0, 3_600.0, 86_400.0)
# A clock that is ahead by less is no reason to do anything.
CLOCK_SECONDS = 5.0
_RECORDS_FOR_A_RATE = 10

Offsets = Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class InputFacts:
    """Offsets of the input topic by partition: its first, its end, and where each window of time begins.

    `ahead` is where records begin that are dated more than CLOCK_SECONDS after our own clock; the end where none are.
    """

    begins: Offsets
    ends: Offsets
    windows: Mapping[float, Offsets]
    ahead: Offsets

    @property
    def records(self) -> int:
        return between(self.begins, self.ends)

    def rates(self) -> dict[float, float]:
        """Arrivals a second, by window; without those that hold too few, or no more than a shorter one."""
        found, in_shorter = {}, 0
        for seconds, starts in sorted(self.windows.items()):
            arrived = between(starts, self.ends)
            if arrived >= _RECORDS_FOR_A_RATE and arrived > in_shorter:
                found[seconds] = arrived / seconds
                in_shorter = arrived
        return found


@dataclass(slots=True)
class CheckContext:
    """The settings, and what looks have found out. Empty or None: not known (yet)."""

    settings: Settings
    expected_rate: float | None = None
    worker_runs_here: bool = False  # a worker listens on the port of these settings
    answers: bool = False  # whether anything listens where Kafka should
    servers: Sequence[Server] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    topics: dict[str, TopicFacts] = field(default_factory=dict)
    # What we may do with a topic; empty where it may not even be seen.
    operations: dict[str, frozenset[str]] = field(default_factory=dict)
    retention_seconds: float | None = None
    stream: InputFacts | None = None
    seen_rate: float | None = None
    texts: Sequence[str] = ()
    scorer: Scorer | None = None
    golden: Sequence[str] = ()
    _broker: Broker | None = None

    @property
    def rate(self) -> float | None:
        """Reviews a second to be ready for."""
        return self.seen_rate if self.expected_rate is None else self.expected_rate

    @property
    def broker(self) -> Broker:
        """A broker that asks and neither reads nor writes; connected when it is first asked."""
        if self._broker is None:
            self._broker = open_broker(self.settings.kafka_client, self.settings.connection(), None, None)
        return self._broker

    @property
    def inspector(self) -> Inspector:
        """What tells how the cluster is set up."""
        return inspector_of(self.broker)

    def forget_broker(self) -> None:
        """Leave the broker to the late call that still uses it."""
        self._broker = None

    def close(self) -> None:
        """Close the connections."""
        if self._broker is not None:
            self._broker.close()


def patiently(question: Callable[[], Result], seconds: float = PATIENCE_SECONDS) -> Result:
    """Asks again while Kafka is not ready to answer. Raises KafkaAway, RetryBatch once that took too long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return question()
        except (KafkaAway, RetryBatch):
            if time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_SECONDS)


def between(begins: Offsets, ends: Offsets) -> int:
    return sum(max(0, end - begins.get(part, end)) for part, end in ends.items())
