"""Topics as others set them up: compressed in every way, and with Kafka's own limit on a message's size."""

import uuid

import pytest
from kafka import KafkaProducer

from deploy.local.kafka import LocalKafka
from deploy.local.topics import create_topics
from worker.errors import MessageTooLarge
from worker.kafka.broker import Broker
from worker.kafka.connect import open_broker
from worker.kafka.types import Connection, Message, Subscription

CLIENTS = ("kafka-python", "librdkafka")


@pytest.fixture
def topic(kafka: LocalKafka) -> str:
    name = f"topic-{uuid.uuid4().hex[:8]}"
    create_topics(kafka.bootstrap_servers, [name], 1, {"max.message.bytes": "1048588"})
    return name


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_compressed_records_are_read(kafka: LocalKafka, topic: str, client: str, codec: str) -> None:
    with KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, compression_type=codec) as producer:
        for number in range(50):
            producer.send(topic, b"%d " % number * 200)
    broker = open_broker(client, Connection(kafka.bootstrap_servers), Subscription(topic), None)
    broker.start()
    try:
        values = []
        while len(values) < 50:
            values += [record.value for record in broker.poll(100, 5).records]
    finally:
        broker.close()
    assert values == [b"%d " % number * 200 for number in range(50)]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("exactly_once", [True, False])
def test_a_message_too_large_for_its_topic_is_named_and_the_way_goes_on(
    kafka: LocalKafka, topic: str, client: str, exactly_once: bool
) -> None:
    transactional_id = topic if exactly_once else None
    broker = open_broker(client, Connection(kafka.bootstrap_servers), None, transactional_id)
    broker.start(topic)
    try:
        with pytest.raises(MessageTooLarge):
            _write(broker, topic, b"x" * 1_500_000)
        broker.rewind()
        _write(broker, topic, b"small")
    finally:
        broker.close()


def _write(broker: Broker, topic: str, value: bytes) -> None:
    broker.produce([Message(topic, b"k", value, [])])
    broker.commit({})
