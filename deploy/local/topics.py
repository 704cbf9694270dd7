"""Topics of a Kafka, by address: make them, remove them, read one to its end."""

import time
from collections.abc import Collection, Mapping
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from deploy.local.processes import LocalServiceError

POLL_MILLISECONDS = 100


def create_topics(
    bootstrap_servers: str, names: Collection[str], partitions: int, configs: Mapping[str, str] | None = None
) -> None:
    """Make topics with the broker's default replication and wait until each partition has a leader.

    Raises LocalServiceError when Kafka cannot be reached or refuses, as it does when a topic exists already.
    """
    wanted = {name: {"num_partitions": partitions, "configs": dict(configs or {})} for name in names}
    try:
        with KafkaAdminClient(bootstrap_servers=bootstrap_servers, bootstrap_timeout_ms=10_000) as admin:
            admin.create_topics(wanted, wait_for_metadata=True)
    except KafkaError as error:
        raise LocalServiceError(f"Topics could not be made on Kafka at {bootstrap_servers}: {error}") from error


def delete_topics(bootstrap_servers: str, names: Collection[str]) -> None:
    """Remove topics. Raises LocalServiceError when Kafka cannot be reached or refuses."""
    try:
        with KafkaAdminClient(bootstrap_servers=bootstrap_servers, bootstrap_timeout_ms=10_000) as admin:
            admin.delete_topics(list(names))
    except KafkaError as error:
        raise LocalServiceError(f"Topics could not be removed from Kafka at {bootstrap_servers}: {error}") from error


def delete_group(bootstrap_servers: str, group: str) -> None:
    """Remove a consumer group that is there and has no members. Raises LocalServiceError when Kafka is not there."""
    try:
        with KafkaAdminClient(bootstrap_servers=bootstrap_servers, bootstrap_timeout_ms=10_000) as admin:
            admin.delete_groups([group])
    except KafkaError as error:
        raise LocalServiceError(f"Group {group} could not be removed from Kafka: {error}") from error


def read_to_end(bootstrap_servers: str, topic: str, deadline_seconds: float = 60.0) -> list[Any]:
    """All committed records of a topic as kafka-python's ConsumerRecord, in order within each partition.

    The end is what was committed when reading began, before any open transaction.
    Raises LocalServiceError when it is not reached within `deadline_seconds`.
    """
    deadline = time.monotonic() + deadline_seconds
    consumer = committed_reader(bootstrap_servers)
    try:
        partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        # Not seek_to_beginning, which asks in the background.
        for partition, beginning in consumer.beginning_offsets(partitions).items():
            consumer.seek(partition, beginning)
        ends = consumer.end_offsets(partitions)
        records: list[Any] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            if time.monotonic() > deadline:
                raise LocalServiceError(f"Topic {topic} was not read to its end in {deadline_seconds:.0f} seconds.")
            for batch in consumer.poll(timeout_ms=POLL_MILLISECONDS, max_records=5_000).values():
                records += batch
        return records
    finally:
        consumer.close()


def committed_reader(bootstrap_servers: str) -> KafkaConsumer:
    """A consumer without a group that sees committed records only."""
    return KafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        isolation_level="read_committed",
        group_id=None,
        enable_auto_commit=False,
    )
