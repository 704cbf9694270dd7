import psutil
import pytest
from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from deploy.local.kafka import LocalKafka
from deploy.local.processes import LocalServiceError, wait_until
from tests.kafka.topics import committed, new_topic, topic_names


def send(kafka: LocalKafka, topic: str, *values: bytes, wait_seconds: int = 20) -> None:
    """Write values and wait until all are stored."""
    producer = KafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers, max_request_size=9_000_000, max_block_ms=wait_seconds * 1000
    )
    try:
        for sent in [producer.send(topic, value) for value in values]:
            sent.get(timeout=wait_seconds)
    finally:
        producer.close(timeout=1)


def values(kafka: LocalKafka, topic: str) -> set[bytes]:
    return {record.value for record in committed(kafka, topic)}


def stands_still(process_id: int) -> bool:
    return psutil.Process(process_id).status() == psutil.STATUS_STOPPED


def test_what_is_sent_is_read(kafka: LocalKafka) -> None:
    topic = new_topic(kafka)
    send(kafka, topic, b"one", b"two")
    assert values(kafka, topic) == {b"one", b"two"}


def test_takes_records_of_eight_mebibytes(kafka: LocalKafka) -> None:
    topic = new_topic(kafka)
    send(kafka, topic, bytes(8 * 1024 * 1024))
    assert values(kafka, topic) == {bytes(8 * 1024 * 1024)}


def test_makes_no_topic_by_itself(kafka: LocalKafka) -> None:
    with pytest.raises(KafkaTimeoutError):
        send(kafka, "never-made", b"x", wait_seconds=1)
    assert "never-made" not in topic_names(kafka)


def test_a_restarted_broker_has_its_data_and_its_address() -> None:
    with LocalKafka() as kafka:
        topic, address = new_topic(kafka), kafka.bootstrap_servers
        send(kafka, topic, b"kept")
        kafka.stop(1)
        kafka.start(1)
        assert kafka.bootstrap_servers == address
        assert values(kafka, topic) == {b"kept"}


def test_extra_properties_win() -> None:
    with LocalKafka(properties={"message.max.bytes": "2000"}) as kafka:
        topic = new_topic(kafka)
        with pytest.raises(MessageSizeTooLargeError):
            send(kafka, topic, bytes(5000))


def test_a_broker_that_cannot_start_says_why() -> None:
    with pytest.raises(LocalServiceError, match=r"compression\.type"), LocalKafka(properties={"compression.type": "x"}):
        pass


def test_a_cluster_goes_on_without_one_broker(cluster: LocalKafka) -> None:
    topic = new_topic(cluster, partitions=6)
    for broker in (1, 2, 3):
        cluster.kill(broker)
        send(cluster, topic, b"without %d" % broker)
        cluster.start(broker)
        cluster.wait_until_in_sync()
    assert values(cluster, topic) == {b"without 1", b"without 2", b"without 3"}


def test_a_paused_broker_answers_again_once_resumed(cluster: LocalKafka) -> None:
    topic = new_topic(cluster)
    cluster.pause(2)
    wait_until(lambda: stands_still(cluster.process_id(2)), 5, lambda: "The broker goes on.")
    cluster.resume(2)
    cluster.wait_until_in_sync()
    send(cluster, topic, b"after")
    assert values(cluster, topic) == {b"after"}
