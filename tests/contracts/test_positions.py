"""What a broker tells of topics and of groups that it is no member of."""

import time

import pytest

from tests.contracts.worlds import World, after, message, numbered, poll, wait_for
from tests.kafka.topics import unique
from worker.errors import StopWorker, TopicMissing
from worker.kafka.types import EARLIEST, LATEST, CommittedOffset, Partition, Subscription


def test_the_positions_of_another_group_are_told(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 5))
    member = world.broker(Subscription(topic, group), group, output)
    member.commit(after(poll(member, 5)[:3], "a note"))
    asking = world.broker()
    wait_for(lambda: asking.group_offsets(group, topic) == {Partition(topic, 0): CommittedOffset(3, "a note")})


def test_positions_are_told_for_all_partitions_and_for_one_topic_only(world: World, group: str) -> None:
    one, other = world.topic(partitions=3), world.topic()
    for name in (one, other):
        world.write(name, *numbered(name, 30, keys=12))
        member = world.broker(Subscription(name, group))
        member.commit(after(poll(member, 30)))
        member.close()
    found = world.broker().group_offsets(group, one)
    assert sorted(found) == [Partition(one, number) for number in range(3)]


def test_a_group_that_nobody_knows_has_no_positions(world: World, topic: str) -> None:
    assert world.broker().group_offsets(unique("nobody"), topic) == {}


def test_asking_disturbs_no_member(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 5))
    member = world.broker(Subscription(topic, group), group, output)
    records = poll(member, 5)
    assert member.group_offsets(group, topic) == {}
    member.commit(after(records))
    wait_for(lambda: member.group_offsets(group, topic) == member.committed() == after(records))
    assert member.rebalances() == 1


def test_a_group_begins_where_it_was_set(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 5))
    offsets = {Partition(topic, 0): CommittedOffset(3, "a note")}
    world.broker().set_group_offsets(group, offsets)
    assert world.broker().group_offsets(group, topic) == offsets
    member = world.broker(Subscription(topic, group), group, output)
    assert [record.offset for record in poll(member, 2)] == [3, 4]
    assert member.committed() == offsets


def test_the_positions_of_a_group_with_members_stay(world: World, topic: str, output: str, group: str) -> None:
    world.write(topic, *numbered(topic, 5))
    member = world.broker(Subscription(topic, group), group, output)
    poll(member, 5)
    with pytest.raises(StopWorker, match="is in use"):
        world.broker().set_group_offsets(group, {Partition(topic, 0): CommittedOffset(3)})
    assert member.committed() == {}


def test_offsets_at_the_beginning_and_at_the_end(world: World) -> None:
    topic = world.topic(partitions=3)
    world.write(topic, *numbered(topic, 60, keys=12))
    counts = {Partition(topic, number): 0 for number in range(3)}
    broker = world.broker()
    assert broker.offsets_at(topic, EARLIEST) == counts
    for record in world.read(topic):
        counts[Partition(topic, record.partition)] = record.next_offset
    assert broker.offsets_at(topic, LATEST) == counts


def test_offsets_at_a_time(world: World, topic: str) -> None:
    world.write(topic, *numbered(topic, 5))
    last = world.read(topic)[-1].timestamp_ms
    wait_for(lambda: time.time() * 1000 > last + 1)
    world.write(topic, message(topic, b"later"), message(topic, b"later"))
    broker = world.broker()
    found = [broker.offsets_at(topic, moment)[Partition(topic, 0)] for moment in (0, last + 1, last + 3_600_000)]
    assert found == [0, 5, 7]


def test_the_end_is_before_what_is_not_committed(world: World, topic: str, group: str) -> None:
    writer = world.broker(None, group, topic)
    writer.produce(numbered(topic, 5))
    assert world.broker().offsets_at(topic, LATEST) == {Partition(topic, 0): 0}
    writer.commit({})
    wait_for(lambda: world.broker().offsets_at(topic, LATEST)[Partition(topic, 0)] >= 5)


def test_offsets_of_a_missing_topic(world: World) -> None:
    with pytest.raises(TopicMissing, match="no-such-topic"):
        world.broker().offsets_at("no-such-topic", LATEST)
