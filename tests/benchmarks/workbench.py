"""Real Kafka and real Redis with reviews in a topic, for everything that is measured in one run."""

import itertools
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import Producer
from redis import Redis

from deploy.local.kafka import LocalKafka
from deploy.local.processes import OwnedProcesses, free_ports
from deploy.local.redis import LocalRedis
from deploy.local.topics import create_topics
from models.registry.registry import STABLE, Registry
from tests.benchmarks.errors import BenchmarkError
from tests.benchmarks.outputs import Outputs
from tests.benchmarks.process import MeasuredProcess
from tests.benchmarks.reviews import Reviews

FILL_SECONDS = 120.0
_QUEUE = 50_000


class Workbench:
    """Kafka, one Redis and the processes under measurement; all of it ends with the `with` block.

    `model` is NAME, NAME@VERSION or NAME@LABEL in `store`. Raises ModelError and BadData for what cannot be read.
    """

    def __init__(self, store: Path, model: str, data: Path, partitions: int, brokers: int = 1) -> None:
        self.store = store
        self.model_name, _, label = model.partition("@")
        self.model_label = label or STABLE
        self.model_path = Registry(store).resolve(model).path
        self.partitions = partitions
        self._brokers = brokers
        self.reviews = Reviews(data, self.model_path)
        self._numbers = itertools.count(1)
        self._filled: dict[int, str] = {}

    def __enter__(self) -> Self:
        self.kafka = LocalKafka(self._brokers).__enter__()
        self.redis = LocalRedis().__enter__()
        self.processes = OwnedProcesses("benchmark")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.processes.close()
        self.redis.__exit__(kind, error, trace)
        self.kafka.__exit__(kind, error, trace)

    def unique(self, name: str) -> str:
        """A name that nothing else in this run has."""
        return f"{name}-{next(self._numbers)}"

    def topic(self, name: str) -> str:
        """An empty topic of its own; returns its name."""
        topic = self.unique(name)
        create_topics(self.kafka.bootstrap_servers, [topic], self.partitions)
        return topic

    def filled(self, count: int) -> str:
        """The topic that holds `count` reviews; filled once."""
        if count not in self._filled:
            topic = self.topic("reviews")
            producer = self.producer({"linger.ms": 50, "queue.buffering.max.messages": 2 * _QUEUE})
            for number, (key, value) in enumerate(self.reviews.messages(count), start=1):
                producer.produce(topic, value, key)
                if number % _QUEUE == 0:
                    producer.flush(FILL_SECONDS)
            if producer.flush(FILL_SECONDS):
                raise BenchmarkError("the reviews could not be written to Kafka")
            self._filled[count] = topic
        return self._filled[count]

    def producer(self, configs: dict[str, str | int]) -> Producer:
        """A producer for reviews."""
        common = {"bootstrap.servers": self.kafka.bootstrap_servers, "partitioner": "murmur2_random"}
        return Producer(common | configs)

    def outputs(self, topic: str) -> Outputs:
        """What follows an output topic."""
        return Outputs(self.kafka.bootstrap_servers, topic, self.partitions)

    def start(self, name: str, command: Iterable[str]) -> MeasuredProcess:
        """Start what is to be measured, on an empty Redis."""
        with Redis.from_url(self.redis.url) as redis:
            redis.flushall()
        return MeasuredProcess(self.processes, self.unique(name), list(command))

    def cached(self) -> int:
        """How many results Redis holds."""
        with Redis.from_url(self.redis.url) as redis:
            return int(redis.dbsize())

    def port(self) -> int:
        """A free port."""
        return free_ports(1)[0]


def note(text: str) -> None:
    """Tell the person who waits what is going on."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
