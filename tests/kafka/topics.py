"""Topics that no other test knows, and what stands in them."""

import itertools
import uuid
from typing import Any

from kafka import KafkaAdminClient, TopicPartition

from deploy.local.kafka import LocalKafka
from deploy.local.topics import committed_reader, create_topics, read_to_end

_numbers = itertools.count(1)


def unique(name: str) -> str:
    """The name with an ending that no other test, worker or run has: for topics, groups and instances."""
    return f"{name}-{next(_numbers)}-{uuid.uuid4().hex[:8]}"


def new_topic(kafka: LocalKafka, name: str = "topic", partitions: int = 4, **configs: str) -> str:
    """Make a topic of its own for a test (settings with _ for .) and return its name."""
    topic = unique(name)
    create_topics(
        kafka.bootstrap_servers, [topic], partitions, {key.replace("_", "."): value for key, value in configs.items()}
    )
    return topic


def topic_names(kafka: LocalKafka) -> set[str]:
    """Every topic that there is."""
    with KafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers) as admin:
        return set(admin.list_topics())


def committed(kafka: LocalKafka, topic: str, deadline_seconds: float = 60.0) -> list[Any]:
    """The committed records of a topic (kafka-python's ConsumerRecord), in order within each partition."""
    return read_to_end(kafka.bootstrap_servers, topic, deadline_seconds)


def end_of(kafka: LocalKafka, topic: str) -> int:
    """The sum of where a topic's partitions end: it grows with every transaction, and is known without reading."""
    consumer = committed_reader(kafka.bootstrap_servers)
    try:
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return sum(consumer.end_offsets(parts).values())
    finally:
        consumer.close()
