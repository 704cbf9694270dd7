"""What a broker says when Kafka is not as it should be."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.processes import free_ports
from tests.contracts.worlds import KafkaWorld, MemoryWorld, World, message, values
from tests.kafka.topics import unique
from worker.errors import AccessDenied, BatchExpired, BatchRefused, KafkaAway, StopWorker, TopicMissing
from worker.kafka.broker import Broker
from worker.kafka.connect import open_broker
from worker.kafka.types import Connection, Security, Subscription, Topic

USER_FILE = (
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_worker="right";'  # a test's own password
)


@pytest.fixture(scope="module")
def guarded() -> Iterator[LocalKafka]:
    """A Kafka that asks its clients for a password."""
    properties = {
        "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLERS:PLAINTEXT",
        "listener.name.clients.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.clients.plain.sasl.jaas.config": USER_FILE,
    }
    with LocalKafka(properties=properties) as kafka:
        yield kafka


def with_password(kafka: LocalKafka, password: str) -> Connection:
    """A connection as the user `worker`."""
    security = Security("SASL_PLAINTEXT", "PLAIN", "worker", password)
    return Connection(kafka.bootstrap_servers, security)


def test_topics_are_created_once(world: World) -> None:
    topic = Topic(unique("created"), 3, 1, {"max.message.bytes": "8388608"})
    broker = world.broker()
    for _ in range(2):
        broker.create_topics([topic])
    broker.close()
    reader = world.broker(Subscription(topic.name), None, topic.name)
    assert len(reader.assignment()) == 3


@pytest.mark.parametrize("transactional", [True, False])
def test_a_missing_output_topic_is_named(world: World, topic: str, transactional: bool) -> None:
    with pytest.raises(TopicMissing, match=r"no-such-topic.*--create-topics"):
        world.broker(Subscription(topic, "group"), unique("id") if transactional else None, topic, "no-such-topic")


@pytest.mark.parametrize("group_id", ["group", None])
def test_a_missing_input_topic_is_named(world: World, topic: str, group_id: str | None) -> None:
    with pytest.raises(TopicMissing, match=r"no-such-topic.*--create-topics"):
        world.broker(Subscription("no-such-topic", group_id), None, topic)


def test_a_start_can_be_tried_again(world: World, topic: str) -> None:
    later = unique("later")
    broker = world.unstarted(Subscription(later), None)
    with pytest.raises(TopicMissing):
        broker.start(topic)
    world.broker().create_topics([Topic(later, 1, 1, {})])
    broker.start(topic)
    assert len(broker.assignment()) == 1
    broker.close()


def test_two_processes_with_one_id_end_with_a_sentence(world: World, output: str) -> None:
    name = unique("id")
    brokers = [world.broker(None, name, output) for _ in range(2)]
    with pytest.raises(StopWorker, match=r"another live process.*SENTIMENT_INSTANCE_ID"):
        take_turns(brokers, output)


def take_turns(brokers: list[Broker], topic: str) -> None:
    """Let brokers fence each other."""
    for turn in range(50):
        broker = brokers[turn % 2]
        try:
            broker.produce([message(topic, b"value")])
            broker.commit({})
        except BatchRefused:
            broker.rewind()


def test_a_closed_broker_can_be_closed_again(world: World, topic: str) -> None:
    broker = world.broker(Subscription(topic, "group"), unique("id"), topic)
    broker.close()
    broker.close()
    world.unstarted(Subscription(topic), None).close()


@pytest.mark.alone
@pytest.mark.parametrize("transactional_id", ["id", None])
def test_nothing_listens(client: str, transactional_id: str | None) -> None:
    connection = Connection(f"127.0.0.1:{free_ports(1)[0]}", deadline=2.0)
    broker = open_broker(client, connection, Subscription("topic", "group"), transactional_id)
    started = time.monotonic()
    with pytest.raises(KafkaAway):
        broker.start("topic")
    assert time.monotonic() - started < 3
    broker.close()


def test_a_wrong_password_is_told_at_once(client: str, guarded: LocalKafka) -> None:
    broker = open_broker(client, with_password(guarded, "wrong"), Subscription("topic", "group"), "id")
    started = time.monotonic()
    with pytest.raises(AccessDenied, match="SENTIMENT_KAFKA_SASL_"):
        broker.start("topic")
    assert time.monotonic() - started < 10
    broker.close()


def test_a_missing_password_is_told(client: str, guarded: LocalKafka) -> None:
    connection = replace(with_password(guarded, ""), security=Security())
    broker = open_broker(client, connection, Subscription("topic", "group"), None)
    with pytest.raises((AccessDenied, KafkaAway)):
        broker.start("topic")
    broker.close()


def test_the_right_password_is_taken(client: str, guarded: LocalKafka) -> None:
    broker = open_broker(client, with_password(guarded, "right"), None, unique("id"))
    topic = unique("guarded")
    broker.create_topics([Topic(topic, 1, 1, {})])
    broker.start(topic)
    broker.produce([message(topic, b"value")])
    broker.commit({})
    broker.close()


def test_both_clients_put_a_key_on_the_same_partition(kafka: LocalKafka) -> None:
    worlds = [KafkaWorld(kafka, client) for client in ("kafka-python", "librdkafka")]
    topics = [world.topic(partitions=7) for world in worlds]
    for world, topic in zip(worlds, topics, strict=True):
        world.write(topic, *(message(topic, b"value", b"key %d" % number) for number in range(300)))
    one, other = ({record.key: record.partition for record in worlds[0].read(topic)} for topic in topics)
    assert one == other
    assert set(one.values()) == set(range(7))
    for world in worlds:
        world.close()


@pytest.mark.parametrize("stored", [True, False])
def test_in_memory_a_commit_without_an_answer_may_count_or_not(stored: bool) -> None:
    world = MemoryWorld()
    output = world.topic()
    broker = world.broker(None, "id", output)
    world.kafka.expire_next_commit(stored=stored)
    broker.produce([message(output, b"value")])
    with pytest.raises(BatchExpired):
        broker.commit({})
    broker.rewind()
    assert values(world.read(output)) == ([b"value"] if stored else [])


def test_in_memory_kafka_can_be_away() -> None:
    world = MemoryWorld()
    topic = world.topic()
    broker = world.broker(Subscription(topic, "group"), "id", topic)
    world.kafka.away = True
    assert not broker.poll(10, 0).records
    with pytest.raises(BatchExpired):
        broker.commit({})
    with pytest.raises(KafkaAway):
        broker.rewind()
    world.kafka.away = False
    broker.rewind()


def test_in_memory_a_rebalance_can_be_forced() -> None:
    world = MemoryWorld()
    topic = world.topic(partitions=2)
    broker = world.broker(Subscription(topic, "group"), "id", topic)
    broker.poll(1, 0)
    world.kafka.rebalance("group")
    assert len(broker.poll(1, 0).revoked) == 2
    assert broker.rebalances() == 2
