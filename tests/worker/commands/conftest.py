from collections.abc import Callable, Iterator

import pytest

from tests.worker.commands.rescore.processes import Processes
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import EARLIEST, Subscription


@pytest.fixture
def memory() -> MemoryKafka:
    """A Kafka in memory with the three topics, whose polls wait for nothing."""
    memory = MemoryKafka()
    memory.wait = lambda seconds: None
    for topic in ("reviews", "sentiments", "reviews.dead-letter"):
        memory.create(topic, partitions=3)
    return memory


@pytest.fixture
def opened(memory: MemoryKafka) -> Iterator[Callable[..., MemoryBroker]]:
    """Makes started brokers: of a topic or none, in a group or none, with a transactional id or without."""
    brokers = []

    def make(
        topic: str | None = None, group: str | None = None, start: int = EARLIEST, transactional_id: str | None = None
    ) -> MemoryBroker:
        broker = MemoryBroker(memory, Subscription(topic, group, start) if topic else None, transactional_id)
        broker.start()
        brokers.append(broker)
        return broker

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def processes(memory: MemoryKafka, opened: Callable[..., MemoryBroker], monkeypatch: pytest.MonkeyPatch) -> Processes:
    """Runs rescorings, without pauses."""
    monkeypatch.setattr("worker.commands.rescore.runner._PAUSE_SECONDS", 0.0)
    return Processes(memory, opened)
