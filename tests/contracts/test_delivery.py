"""What becomes of a batch: committed as a whole, or not at all and done again."""

import pytest

from tests.contracts.worlds import World, after, message, numbered, poll, values
from worker.errors import BatchRefused
from worker.kafka.broker import Broker
from worker.kafka.types import LATEST, CommittedOffset, Partition, Record, Subscription


def test_nothing_is_visible_before_the_commit(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 3))
    broker = world.broker(Subscription(topic, group), group, output)
    records = poll(broker, 3)
    broker.produce([message(output, b"result")])
    assert world.read(output) == []
    broker.commit(after(records))
    assert values(world.read(output)) == [b"result"]


def test_results_and_positions_are_committed_together(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 3))
    broker = world.broker(Subscription(topic, group), group, output)
    records = poll(broker, 3)
    broker.produce([message(output, b"result")])
    broker.commit(after(records, "a note"))
    assert broker.committed() == {Partition(topic, 0): CommittedOffset(records[-1].next_offset, "a note")}


def test_nothing_is_committed_at_first(world: World, topic: str, group: str) -> None:
    world.write(topic, *numbered(topic, 3))
    broker = world.broker(Subscription(topic, group))
    poll(broker, 3)
    assert broker.committed() == {}


@pytest.mark.parametrize("exactly_once", [True, False])
def test_batch_after_batch(world: World, topic: str, output: str, group: str, exactly_once: bool) -> None:
    world.write(topic, *numbered(topic, 100))
    broker = world.broker(Subscription(topic, group), group if exactly_once else None, output)
    done = 0
    while done < 100:
        records = broker.poll(30, 0.5).records
        broker.produce([message(output, record.value) for record in records])
        broker.commit(after(records))
        done += len(records)
    assert values(world.read(output)) == [b"%d" % number for number in range(100)]


def test_a_batch_of_dead_ends_commits_positions_alone(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 3))
    broker = world.broker(Subscription(topic, group), group, output)
    records = poll(broker, 3)
    broker.commit(after(records))
    assert broker.committed() == after(records)


@pytest.mark.parametrize("exactly_once", [True, False])
def test_a_rewind_brings_the_same_again(world: World, topic: str, output: str, group: str, exactly_once: bool) -> None:
    world.write(topic, *numbered(topic, 10))
    broker = world.broker(Subscription(topic, group), group if exactly_once else None, output)
    first = poll(broker, 10)
    broker.rewind()
    assert poll(broker, 10) == first


def test_a_rewind_brings_nothing_that_was_committed(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 3))
    broker = world.broker(Subscription(topic, group), group, output)
    broker.commit(after(poll(broker, 3)))
    world.write(topic, message(topic, b"next"))
    assert values(poll(broker, 1)) == [b"next"]
    broker.rewind()
    assert values(poll(broker, 1)) == [b"next"]


def test_a_rewind_drops_what_was_produced(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 3))
    broker = world.broker(Subscription(topic, group), group, output)
    poll(broker, 3)
    broker.produce([message(output, b"dropped")])
    broker.rewind()
    records = poll(broker, 3)
    broker.produce([message(output, b"kept")])
    broker.commit(after(records))
    assert values(world.read(output)) == [b"kept"]


def test_a_rewind_loses_nothing_when_reading_began_at_the_end(world: World, topic: str, group: str) -> None:
    world.write(topic, *numbered(topic, 3))
    broker = world.broker(Subscription(topic, group, LATEST))
    # Once a record has come, the group was joined.
    first = read_one_written_late(world, topic, broker)
    broker.rewind()
    assert poll(broker, 1)[0] == first


def read_one_written_late(world: World, topic: str, broker: Broker) -> Record:
    """The first record that a reader from the end gets of those written until then."""
    while not (records := broker.poll(1, 0.1).records):
        world.write(topic, message(topic, b"late"))
    return records[0]


def test_the_next_process_goes_on_at_the_committed_positions(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 4))
    first = world.broker(Subscription(topic, group), group, output)
    records = poll(first, 4)
    first.commit(after(records[:2]))
    first.close()
    second = world.broker(Subscription(topic, group), group, output)
    assert values(poll(second, 2)) == [b"2", b"3"]


def test_closing_drops_what_is_open(world: World, topic: str, output: str, group: str) -> None:
    broker = world.broker(None, group, output)
    broker.produce([message(output, b"open")])
    broker.close()
    world.write(output, message(output, b"later"))
    assert values(world.read(output)) == [b"later"]


def test_a_second_producer_of_the_same_id_fences_the_first(world: World, output: str, group: str) -> None:
    first = world.broker(None, group, output)
    first.produce([message(output, b"first")])
    second = world.broker(None, group, output)
    second.produce([message(output, b"second")])
    second.commit({})
    with pytest.raises(BatchRefused):
        first.commit({})
    assert values(world.read(output)) == [b"second"]


def test_a_fenced_producer_goes_on_after_a_rewind(world: World, output: str, group: str) -> None:
    first = world.broker(None, group, output)
    world.broker(None, group, output)
    with pytest.raises(BatchRefused):
        write_and_commit(first, output, b"refused")
    first.rewind()
    write_and_commit(first, output, b"taken")
    assert values(world.read(output)) == [b"taken"]


def write_and_commit(broker: Broker, topic: str, value: bytes) -> None:
    broker.produce([message(topic, value)])
    broker.commit({})


def test_at_least_once_results_are_stored_before_positions(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 3))
    first = world.broker(Subscription(topic, group), None, output)
    first.produce([message(output, record.value) for record in poll(first, 3)])
    first.commit({})
    first.close()
    second = world.broker(Subscription(topic, group), None, output)
    records = poll(second, 3)
    second.commit(after(records))
    assert values(world.read(output)) == values(records) == [b"0", b"1", b"2"]
