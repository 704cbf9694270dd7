"""Fixtures of the tests that go through a real broker."""

from collections.abc import Callable, Iterator

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.processes import OwnedProcesses
from tests.kafka.stream import Stream
from tests.kafka.topics import new_topic

CLIENTS = ("kafka-python", "librdkafka")


@pytest.fixture
def make_topic(kafka: LocalKafka) -> Callable[..., str]:
    """Makes a topic of this test's own on the one broker of the run; returns its name."""
    return lambda name="topic", partitions=4, **configs: new_topic(kafka, name, partitions, **configs)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    """Each of the two Kafka clients of the worker."""
    return str(request.param)


@pytest.fixture
def stream(kafka: LocalKafka, client: str) -> Iterator[Stream]:
    """A stream of the test's own on the one broker of the run, for workers with each of the clients."""
    with Stream(kafka, client) as stream:
        yield stream


@pytest.fixture
def processes() -> Iterator[OwnedProcesses]:
    """Worker processes outside of any stream; ended with the test."""
    processes = OwnedProcesses("workers")
    yield processes
    processes.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show what the workers logged beside the failure of a test that used them."""
    report = yield
    if report.failed:
        for value in item.funcargs.values():
            for stream in value if isinstance(value, list) else [value]:
                if isinstance(stream, Stream):
                    report.sections.append(("logs of the workers", stream.logs()))
    return report
