"""What a broker reads, and where it starts."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer

from deploy.local.kafka import LocalKafka
from tests.contracts.worlds import KafkaWorld, World, after, message, numbered, poll, values, wait_for
from tests.kafka.topics import unique
from worker.kafka.admin import offsets_or_ends
from worker.kafka.types import EARLIEST, LATEST, Message, Partition, Subscription


def test_records_of_a_partition_come_in_order(world: World, topic: str, group: str) -> None:
    world.write(topic, *numbered(topic, 1_000))
    records = poll(world.broker(Subscription(topic, group)), 1_000)
    assert values(records) == [b"%d" % number for number in range(1_000)]
    assert [record.offset for record in records] == sorted(record.offset for record in records)


def test_a_record_comes_as_it_was_written(world: World, topic: str) -> None:
    before = int(time.time() * 1000)
    world.write(topic, Message(topic, b"k\xff", b"v\x00", [("a", b"1"), ("a", b"2"), ("empty", b"")]))
    [record] = poll(world.broker(Subscription(topic)), 1)
    assert (record.topic, record.partition, record.key, record.value) == (topic, 0, b"k\xff", b"v\x00")
    assert list(record.headers) == [("a", b"1"), ("a", b"2"), ("empty", b"")]
    assert before - 1 <= record.timestamp_ms <= time.time() * 1000


def test_a_null_key_or_a_null_value_stays_null(world: World, topic: str) -> None:
    world.write(topic, message(topic, b"value", None), message(topic, None, b"key"))
    records = poll(world.broker(Subscription(topic)), 2)
    assert [(record.key, record.value) for record in records] == [(None, b"value"), (b"key", None)]
    assert all(not record.headers for record in records)


def test_a_record_of_five_megabytes_goes_through(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, message(topic, bytes(range(250)) * 20_000), message(topic, b"small"))
    broker = world.broker(Subscription(topic, group), group, output)
    records = poll(broker, 2)
    broker.produce([message(output, record.value) for record in records])
    broker.commit(after(records))
    assert [len(value or b"") for value in values(world.read(output))] == [5_000_000, 5]


def test_a_poll_brings_no_more_than_asked_for(world: World, topic: str) -> None:
    world.write(topic, *numbered(topic, 30))
    broker = world.broker(Subscription(topic))
    sizes = [0]
    while sum(sizes) < 30:
        sizes.append(len(broker.poll(7, 0.1).records))
    assert max(sizes) == 7


def test_a_poll_does_not_wait_for_more_than_the_first_record(world: World, topic: str) -> None:
    broker = world.broker(Subscription(topic))
    world.write(topic, message(topic, b"only"))
    started = time.monotonic()
    wait_for(lambda: bool(broker.poll(500, 20.0).records))
    assert time.monotonic() - started < 10


def test_without_a_group_all_is_read_from_the_start(world: World) -> None:
    topic = world.topic(partitions=3)
    world.write(topic, *numbered(topic, 60, keys=12))
    broker = world.broker(Subscription(topic, start=EARLIEST))
    assert broker.assignment() == {Partition(topic, number) for number in range(3)}
    assert set(values(poll(broker, 60))) == {b"%d" % number for number in range(60)}


def test_without_a_group_only_what_comes_after_the_start_is_read(world: World, topic: str) -> None:
    world.write(topic, *numbered(topic, 5))
    broker = world.broker(Subscription(topic, start=LATEST))
    world.write(topic, message(topic, b"later"))
    assert values(poll(broker, 1)) == [b"later"]


def test_without_a_group_reading_starts_at_a_time(world: World, topic: str) -> None:
    world.write(topic, *numbered(topic, 5))
    last = world.read(topic)[-1].timestamp_ms
    wait_for(lambda: time.time() * 1000 > last + 1)
    world.write(topic, message(topic, b"later"))
    assert values(poll(world.broker(Subscription(topic, start=last + 1)), 1)) == [b"later"]


def test_a_time_after_all_records_is_the_end(world: World, topic: str) -> None:
    world.write(topic, *numbered(topic, 5))
    broker = world.broker(Subscription(topic, start=int(time.time() * 1000) + 3_600_000))
    world.write(topic, message(topic, b"later"))
    assert values(poll(broker, 1)) == [b"later"]


def test_without_a_group_nothing_is_committed(world: World, topic: str) -> None:
    world.write(topic, *numbered(topic, 5))
    broker = world.broker(Subscription(topic))
    broker.commit(after(poll(broker, 5)))
    assert broker.committed() == {}
    broker.rewind()
    assert len(poll(broker, 5)) == 5


def test_the_end_is_known_though_a_marker_stands_there(world: World, topic: str, group: str) -> None:
    writer = world.broker(None, group, topic)
    writer.produce(numbered(topic, 10))
    writer.commit({})
    broker = world.broker(Subscription(topic))
    assert len(poll(broker, 10)) == 10
    wait_for(lambda: not broker.poll(10, 0.1).records and broker.lags() == {Partition(topic, 0): 0})


def test_what_is_committed_while_the_reader_asks_where_to_begin_is_read(
    kafka: LocalKafka, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = KafkaWorld(kafka, client)
    topic = world.topic()
    writer = world.broker(None, unique("id"), topic)
    writer.produce(numbered(topic, 10))

    def commit_in_between(ask: Callable[[int], dict[Any, int]], start: int) -> dict[Any, int]:
        first = True

        def asked(moment: int) -> dict[Any, int]:
            nonlocal first
            answer = ask(moment)
            if first:
                writer.commit({})
                wait_for(lambda: len(world.read(topic)) == 10)
                first = False
            return answer

        return offsets_or_ends(asked, start)

    monkeypatch.setattr(f"worker.kafka.{client.replace('-', '_')}.consumer.offsets_or_ends", commit_in_between)
    broker = world.broker(Subscription(topic, None, int((time.time() - 60) * 1000)))
    try:
        assert len(poll(broker, 10)) == 10
    finally:
        world.close()


def test_what_its_writer_took_back_is_not_read(kafka: LocalKafka, client: str) -> None:
    world = KafkaWorld(kafka, client)
    topic = world.topic()
    with closing(KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=unique("id"))) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        # Waits until Kafka has it: there is something to be passed over.
        producer.send(topic, b"taken back").get(30)
        producer.abort_transaction()
    world.write(topic, message(topic, b"kept"))
    assert values(poll(world.broker(Subscription(topic)), 1)) == [b"kept"]
    world.close()


def test_the_lag_counts_what_is_left(world: World, topic: str, group: str) -> None:
    world.write(topic, *numbered(topic, 100))
    broker = world.broker(Subscription(topic, group))
    wait_for(lambda: bool(broker.poll(10, 0.1).records))
    assert broker.lags() == {Partition(topic, 0): 90}


def test_partitions_without_records_have_a_lag_of_none(world: World, group: str) -> None:
    broker = world.broker(Subscription(world.topic(partitions=4), group))
    wait_for(lambda: not broker.poll(10, 0.1).records and len(broker.assignment()) == 4)
    # What Kafka says of their ends arrives now, before the broker has settled on where to read them.
    time.sleep(0.5)
    wait_for(lambda: not broker.poll(10, 0.1).records and len(broker.lags()) == 4)
    assert set(broker.lags().values()) == {0}
