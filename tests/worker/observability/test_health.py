import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from tests.worker.clock import Clock
from worker.errors import BadUse
from worker.kafka.types import Partition
from worker.observability.health import (
    LOOP_LIMIT_SECONDS,
    PROGRESS_LIMIT_SECONDS,
    START_LIMIT_SECONDS,
    Health,
    HealthServer,
)

PART = Partition("reviews", 0)


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


@pytest.fixture
def server(health: Health) -> Iterator[HealthServer]:
    server = HealthServer("127.0.0.1", 0, health, CollectorRegistry())
    yield server
    server.close()


def test_it_listens_where_it_is_told_and_nowhere_else(health: Health) -> None:
    server = HealthServer("127.0.0.1", 0, health, CollectorRegistry())
    socket.create_connection(("127.0.0.1", server.port), 1).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), 1)
    server.close()


def test_a_worker_that_fetches_its_model_may_take_longer(clock: Clock, health: Health) -> None:
    clock.now = LOOP_LIMIT_SECONDS + 1
    assert not health.reasons()
    clock.now = START_LIMIT_SECONDS + 1
    assert health.reasons()


def test_a_loop_that_no_longer_turns_is_dead(clock: Clock, health: Health) -> None:
    health.model_loaded = True
    clock.now = LOOP_LIMIT_SECONDS + 1
    assert health.reasons()
    health.turned()
    assert not health.reasons()


def test_a_partition_with_lag_and_without_progress_is_dead(clock: Clock, health: Health) -> None:
    health.observed(True, {PART: 5})
    clock.now = PROGRESS_LIMIT_SECONDS + 1
    health.turned()
    assert "partition 0" in health.reasons()[0]


def test_progress_and_an_empty_partition_are_alive(clock: Clock, health: Health) -> None:
    health.observed(True, {PART: 5})
    clock.now = PROGRESS_LIMIT_SECONDS - 1
    health.progressed(PART)
    health.observed(True, {PART: 5})
    clock.now = PROGRESS_LIMIT_SECONDS + 50
    health.turned()
    assert not health.reasons()
    health.observed(True, {PART: 0})
    clock.now *= 3
    health.turned()
    assert not health.reasons()


def test_an_outage_of_kafka_does_not_make_it_dead(clock: Clock, health: Health) -> None:
    health.observed(True, {PART: 5})
    health.kafka_answers = False
    clock.now = PROGRESS_LIMIT_SECONDS * 10
    health.turned()
    assert not health.reasons()


def test_it_is_ready_once_the_model_is_loaded_and_the_group_joined(health: Health) -> None:
    assert len(health.missing()) == 2
    health.model_loaded = True
    health.observed(True, {})
    assert not health.missing()


def test_the_probes_answer_with_what_is_wrong(server: HealthServer, health: Health) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz")
    with refused.value as answer:
        assert answer.code == 503
        assert json.load(answer)["problems"] == health.missing()
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/livez") as answer:
        assert answer.status == 200


def test_a_port_in_use_is_said_in_a_sentence(server: HealthServer, health: Health) -> None:
    with pytest.raises(BadUse, match="cannot listen"):
        HealthServer("127.0.0.1", server.port, health, CollectorRegistry())
