"""A pipeline on a Kafka in memory with the packaged model: what the fast tests of the worker share."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

from models.registry.registry import Registry
from models.scorer import Scorer
from worker.cache import Cache
from worker.dead_letters import size_bytes
from worker.errors import MessageTooLarge
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import Connection, Message, Record, Subscription
from worker.observability.health import Health
from worker.observability.metrics import Metrics
from worker.observability.tracing import UNTRACED, Tracer
from worker.pipeline import Pipeline
from worker.rollout.rollout import Rollout
from worker.runner import Runner
from worker.serving.routing import ActiveVersions
from worker.settings.settings import Settings

INPUT, OUTPUT, DEAD_LETTERS = "reviews", "sentiments", "reviews.dead-letter"


class Stream:
    """One worker's parts, wired as `worker run` wires them."""

    def __init__(
        self, scorer: Scorer | None = None, cache: Cache | None = None, tracer: Tracer = UNTRACED, **settings: Any
    ) -> None:
        self.kafka = MemoryKafka()
        self.kafka.wait = lambda seconds: None
        for topic in (INPUT, OUTPUT, DEAD_LETTERS):
            self.kafka.create(topic, partitions=3)
        self.settings = Settings(**settings)
        self.scorer = scorer or Scorer.load(Registry().resolve("imdb").path, verify=False)
        self.active_versions = ActiveVersions(self.scorer)
        self.cache = cache
        self.tracer = tracer
        self.stopping = threading.Event()
        self.answers = True
        self.restart()

    def restart(self) -> None:
        """Begin anew, as a process does: nothing is kept but what Kafka has."""
        self.metrics, self.health = Metrics(self.tracer), Health()
        source = Subscription(INPUT, self.settings.kafka_group_id)
        self.broker = MemoryBroker(self.kafka, source, "worker-1")
        self.broker.start(OUTPUT, DEAD_LETTERS)
        self.rollout = self.open_rollout()
        self.pipeline = Pipeline(
            self.broker,
            lambda: self.active_versions,
            self.cache,
            self.settings,
            self.metrics,
            self.health,
            self.rollout,
        )
        self.runner = Runner(
            self.broker, Connection("memory:0"), self.metrics, self.health, self.stopping, lambda _: self.answers
        )

    def open_rollout(self) -> Rollout | None:
        """What tries versions beside this stream."""
        return None

    def send(self, *values: object, key: bytes | None = b"k") -> list[Record]:
        """Write review objects, or bytes as they are, to the input topic."""
        return [self.kafka.append(Message(INPUT, key, _value(value), [("traceparent", b"00-1")])) for value in values]

    def refuse_larger_than(self, limit: int) -> None:
        """Have the broker refuse, as a topic's max.message.bytes does."""
        produce = self.broker.produce

        def refusing(messages: Sequence[Message]) -> None:
            if any(size_bytes(message.key, message.value, message.headers) > limit for message in messages):
                self.broker.rewind()
                raise MessageTooLarge("too large")
            produce(messages)

        self.broker.produce = refusing  # type: ignore[method-assign]

    def drain(self) -> None:
        """Turn until nothing is left, doing refused and expired batches again as the runner does."""
        self.health.turned()
        idle = 0

        def turn_once() -> bool:
            nonlocal idle
            moved = turn()
            idle = 0 if moved else idle + 1
            if idle > 1:
                self.stopping.set()
            return moved

        turn = self.pipeline.turn
        self.pipeline.turn = turn_once  # type: ignore[method-assign]
        try:
            self.runner.run(self.pipeline)
        finally:
            self.pipeline.turn = turn  # type: ignore[method-assign]
            self.stopping.clear()

    def sentiments(self) -> list[dict[str, Any]]:
        """The visible output values."""
        return [json.loads(record.value or b"") for record in self.kafka.read(OUTPUT)]

    def dead_letters(self) -> Sequence[Record]:
        """The visible dead letters."""
        return self.kafka.read(DEAD_LETTERS)

    def value(self, metric: str, **labels: str) -> float:
        """A metric's value."""
        return self.metrics.registry.get_sample_value(f"sentiment_{metric}", labels) or 0.0


def _value(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()
