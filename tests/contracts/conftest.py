"""Every contract test runs on the broker in memory and on both real clients."""

from collections.abc import Iterator

import pytest

from tests.contracts.worlds import KafkaWorld, MemoryWorld, World
from tests.kafka.topics import unique

CLIENTS = [pytest.param(client, marks=pytest.mark.kafka) for client in ("kafka-python", "librdkafka")]


@pytest.fixture(params=["memory", *CLIENTS])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The cluster and the broker under test."""
    if request.param == "memory":
        world: World = MemoryWorld()
    else:
        world = KafkaWorld(request.getfixturevalue("kafka"), request.param)
    yield world
    world.close()


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """The name of a real client, for what only a real Kafka can do."""
    return str(request.param)


@pytest.fixture
def topic(world: World) -> str:
    """An input topic of one partition."""
    return world.topic()


@pytest.fixture
def output(world: World) -> str:
    """An output topic of one partition."""
    return world.topic()


@pytest.fixture
def group() -> str:
    """A consumer group that nobody else uses."""
    return unique("group")
