"""Fixtures of the tests that go through a real broker."""

from collections.abc import Callable

import pytest

from deploy.local.kafka import LocalKafka
from tests.kafka.topics import new_topic


@pytest.fixture
def make_topic(kafka: LocalKafka) -> Callable[..., str]:
    """Makes a topic of this test's own on the one broker of the run; returns its name."""
    return lambda name="topic", partitions=4, **configs: new_topic(kafka, name, partitions, **configs)
