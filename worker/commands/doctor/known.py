"""What an examination has learnt so far: later looks build on earlier ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from models.scorer import Scorer
from worker.broker import Broker, open_broker
from worker.cluster_questions import inspector_of
from worker.commands.doctor.stream import InputFacts
from worker.errors import KafkaAway, RetryBatch
from worker.inspection import Inspector, Server, TopicFacts
from worker.settings import Settings

Result = TypeVar("Result")

# A Kafka that was just started makes the topics of its coordinators when the first client asks for one.
PATIENCE_SECONDS = 15.0
_RETRY_SECONDS = 0.3


@dataclass(slots=True)
class Known:
    """The settings, and what looks have found out. Empty or None: not known (yet)."""

    chosen: Settings
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
            self._broker = open_broker(self.chosen.kafka_client, self.chosen.connection(), None, None)
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
