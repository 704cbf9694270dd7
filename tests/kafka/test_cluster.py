"""Three brokers, each partition on all of them, two of which must agree: any one may die at any time."""

import logging
from contextlib import suppress
from functools import partial

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from deploy.local.kafka import LocalKafka
from tests.kafka.conftest import CLIENTS
from tests.kafka.stream import Stream
from tests.kafka.topics import new_topic, unique
from tests.kafka.waiting import eventually, now
from worker.commands.rolling_check.checker import Verdict
from worker.errors import KafkaAway, TopicMissing
from worker.kafka.admin import inspector_of
from worker.kafka.broker import Broker
from worker.kafka.connect import open_broker
from worker.kafka.types import Connection, Subscription

# Pauses are measured.
pytestmark = [pytest.mark.slow, pytest.mark.alone]
MOST_SECONDS_STILL = 15.0

log = logging.getLogger(__name__)


def test_brokers_are_killed_one_after_the_other_under_load(cluster: LocalKafka) -> None:
    """Both clients go through the same failures, each with a stream and two workers of its own."""
    first, second = (Stream(cluster, client, kafka_deadline_seconds="5") for client in CLIENTS)
    with first, second:
        for stream in (first, second):
            stream.ready_workers(2, supervised=True)
        with first.load(per_second=150), second.load(per_second=150):
            gaps = [kill_and_start(cluster, broker, [first, second]) for broker in (1, 2, 3)]
        log.info("longest seconds still with %s after each kill: %s", CLIENTS, gaps)
        assert first.verdict() == Verdict()
        assert second.verdict() == Verdict()
        assert max(map(max, gaps)) < MOST_SECONDS_STILL, gaps


def test_a_broker_that_is_gone_is_seen_with_each_client(cluster: LocalKafka) -> None:
    topic = new_topic(cluster)
    brokers = [open_broker(client, Connection(cluster.bootstrap_servers), None, None) for client in CLIENTS]
    for broker in brokers:
        eventually(partial(sees_in_sync, broker, topic, 3), MOST_SECONDS_STILL, "it does not see all in sync")
    cluster.kill(2)
    try:
        for broker in brokers:
            eventually(partial(sees_in_sync, broker, topic, 2), MOST_SECONDS_STILL, "it still counts as in sync")
            facts = inspector_of(broker).topic(topic)
            assert (facts.replicas, facts.leaderless) == (3, 0)
            assert {server.number for server in inspector_of(broker).servers()} == {1, 3}
            broker.close()
    finally:
        cluster.start(2)
        cluster.wait_until_in_sync()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_partition_whose_broker_is_away_keeps_no_other_waiting(cluster: LocalKafka, client: str) -> None:
    topic = topic_without_replicas(cluster)
    with KafkaProducer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        for number in range(3):
            producer.send(topic, b"review", partition=number)
    cluster.kill(3)
    broker = open_broker(client, Connection(cluster.bootstrap_servers), Subscription(topic, unique("group")), None)
    try:
        eventually(lambda: started(broker), MOST_SECONDS_STILL, "Kafka is away altogether")
        read: set[int] = set()
        eventually(lambda: {0, 1} == further(broker, read), MOST_SECONDS_STILL, lambda: f"read {read} only")
    finally:
        broker.close()
        cluster.start(3)
        cluster.wait_until_in_sync()


def topic_without_replicas(cluster: LocalKafka) -> str:
    """Partition 0 lies on broker 1, 1 on 2 and 2 on 3."""
    topic = unique("topic")
    locations = {number: [number + 1] for number in range(3)}
    with KafkaAdminClient(bootstrap_servers=cluster.bootstrap_servers) as admin:
        settings = {"assignments": locations, "configs": {"min.insync.replicas": "1"}}
        admin.create_topics({topic: settings}, wait_for_metadata=True)
    return topic


def started(broker: Broker) -> bool:
    with suppress(KafkaAway):
        broker.start()
        return True
    return False


def further(broker: Broker, read: set[int]) -> set[int]:
    """The partitions that were read from, with those of another poll."""
    read |= {record.partition for record in broker.poll(10, 0.1).records}
    return read


def sees_in_sync(broker: Broker, topic: str, expected: int) -> bool:
    """Whether so many replicas of the topic are in sync; not while the broker that is asked does not know it."""
    with suppress(KafkaAway, TopicMissing):
        return inspector_of(broker).topic(topic).in_sync == expected
    return False


def kill_and_start(cluster: LocalKafka, broker: int, streams: list[Stream]) -> list[float]:
    """Let the streams flow, kill the broker, let them flow, bring it back; the longest time each stood still."""
    for stream in streams:
        stream.wait_for_results(100)
    killed = now()
    cluster.kill(broker)
    for stream in streams:
        stream.wait_for_results(500)
    cluster.start(broker)
    cluster.wait_until_in_sync()
    return [round(stream.longest_gap(killed), 1) for stream in streams]
