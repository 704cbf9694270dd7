"""Members of one group: what they share, and what happens to whoever loses its share."""

import pytest

from tests.contracts.worlds import World, after, message, numbered, poll, poll_all, values, wait_for
from worker.errors import BatchRefused
from worker.kafka.broker import Broker
from worker.kafka.types import Partition, Subscription


@pytest.fixture
def four(world: World) -> str:
    """A topic of four partitions with 400 records of 40 keys."""
    topic = world.topic(partitions=4)
    world.write(topic, *numbered(topic, 400, keys=40))
    return topic


def sharing(brokers: list[Broker], partitions: int) -> bool:
    """Whether all partitions are assigned, each once, and everybody has some."""
    held = [broker.assignment() for broker in brokers]
    return all(held) and sum(map(len, held)) == len(frozenset.union(*held)) == partitions


def test_one_member_reads_all_partitions(world: World, four: str, group: str) -> None:
    broker = world.broker(Subscription(four, group))
    assert broker.assignment() == frozenset()
    poll(broker, 400)
    assert broker.assignment() == {Partition(four, number) for number in range(4)}
    # On a busy machine kafka-python joins a second time, when it learns of a new topic's partitions only meanwhile.
    assert broker.rebalances() in (1, 2)


def test_two_members_share(world: World, four: str, group: str) -> None:
    first = world.broker(Subscription(four, group))
    poll(first, 400)
    second = world.broker(Subscription(four, group))
    poll_all([first, second], lambda: sharing([first, second], 4))
    assert [len(first.assignment()), len(second.assignment())] == [2, 2]
    assert first.rebalances() > 1


def test_a_member_without_a_partition_has_joined_too(world: World, group: str) -> None:
    topic = world.topic(partitions=1)
    members = [world.broker(Subscription(topic, group)) for _ in range(2)]
    poll_all(members, lambda: all(member.rebalances() for member in members))
    assert sum(len(member.assignment()) for member in members) <= 1


def test_what_was_revoked_is_reported(world: World, four: str, group: str) -> None:
    first = world.broker(Subscription(four, group))
    poll(first, 400)
    second = world.broker(Subscription(four, group))
    revoked: set[Partition] = set()

    def turn() -> bool:
        revoked.update(first.poll(500, 0.05).revoked)
        second.poll(500, 0.05)
        return sharing([first, second], 4)

    wait_for(turn)
    assert revoked == {Partition(four, number) for number in range(4)}


def test_records_of_lost_partitions_cannot_be_committed(world: World, four: str, group: str) -> None:
    first = world.broker(Subscription(four, group), f"{group}-1", four)
    records = poll(first, 400)
    second = world.broker(Subscription(four, group), f"{group}-2", four)
    poll_all([first, second], lambda: sharing([first, second], 4))
    with pytest.raises(BatchRefused):
        first.commit(after(records))
    assert second.committed() == {}


@pytest.mark.parametrize("exactly_once", [True, False])
def test_a_commit_while_others_join_still_counts(world: World, four: str, group: str, exactly_once: bool) -> None:
    first = world.broker(Subscription(four, group), f"{group}-1" if exactly_once else None, four)
    records = poll(first, 400)
    second = world.broker(Subscription(four, group), None, four)
    second.poll(1, 0.5)
    first.commit(after(records))
    poll_all([first, second], lambda: sharing([first, second], 4))
    assert {**first.committed(), **second.committed()} == after(records)


def test_when_one_leaves_the_other_goes_on_and_nothing_is_lost(
    world: World, four: str, output: str, group: str
) -> None:
    first, second = (world.broker(Subscription(four, group), f"{group}-{n}", output) for n in "12")
    poll_all([first, second], lambda: sharing([first, second], 4))
    for broker in (first, second):
        broker.rewind()
    step(first, output, 50)
    first.close()
    while len(world.read(output)) < 400:
        step(second, output, 100)
    assert sorted(map(str, values(world.read(output)))) == sorted(str(b"%d" % number) for number in range(400))


def step(broker: Broker, output: str, max_records: int) -> None:
    """Copy one batch."""
    records = broker.poll(max_records, 0.2).records
    broker.produce([message(output, record.value) for record in records])
    broker.commit(after(records))


def test_a_closed_member_is_replaced_at_once(world: World, four: str, group: str) -> None:
    first, second = (world.broker(Subscription(four, group)) for _ in range(2))
    poll_all([first, second], lambda: sharing([first, second], 4))
    before = second.rebalances()
    first.close()
    # Well before a session of six seconds is over.
    for _ in range(30):
        second.poll(500, 0.1)
    assert len(second.assignment()) == 4
    assert second.rebalances() == before + 1


@pytest.mark.parametrize("exactly_once", [True, False])
def test_a_member_that_was_given_up_cannot_commit(
    world: World, four: str, output: str, group: str, exactly_once: bool
) -> None:
    zombie = world.broker(Subscription(four, group), f"{group}-1" if exactly_once else None, output)
    records = poll(zombie, 400)
    world.expel(zombie, group)
    heir = world.broker(Subscription(four, group), f"{group}-2", output)
    poll(heir, 400)
    zombie.produce([message(output, b"by the zombie")])
    with pytest.raises(BatchRefused):
        zombie.commit(after(records))
    assert heir.committed() == {}


def test_a_member_that_was_given_up_joins_anew(world: World, four: str, output: str, group: str) -> None:
    broker = world.broker(Subscription(four, group), group, output)
    records = poll(broker, 400)
    world.expel(broker, group)

    def committed() -> bool:
        try:
            broker.commit(after(poll(broker, 400)))
        except BatchRefused:
            broker.rewind()
            return False
        return True

    with pytest.raises(BatchRefused):
        broker.commit(after(records))
    broker.rewind()
    wait_for(committed)
    assert broker.committed() == after(records)
