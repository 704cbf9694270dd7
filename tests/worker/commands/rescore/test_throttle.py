from collections.abc import Callable

import pytest

from worker.commands.rescore.progress import description
from worker.commands.rescore.throttle import LiveLag, Throttle
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import CommittedOffset, Message, Partition

Opened = Callable[..., MemoryBroker]


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def live(broker: MemoryBroker, **next_offsets: int) -> None:
    """Have the workers' group stand at these offsets of `p0`, `p1` and `p2`."""
    offsets = {Partition("reviews", int(name[1])): CommittedOffset(offset) for name, offset in next_offsets.items()}
    broker.set_group_offsets("sentiment", offsets)


@pytest.fixture
def asking(memory: MemoryKafka, opened: Opened) -> MemoryBroker:
    """A broker to ask about a hundred records on each of three partitions."""
    for number in range(300):
        memory.append(Message("reviews", b"k", b"v", []), partition=number % 3)
    return opened()


def test_the_lag_is_what_the_group_has_left_on_all_partitions(asking: MemoryBroker) -> None:
    live(asking, p0=100, p1=40, p2=99)
    assert LiveLag(asking, "sentiment", "reviews")() == 61


def test_a_partition_that_the_group_has_not_begun_is_left_as_a_whole(asking: MemoryBroker) -> None:
    live(asking, p0=100, p1=100)
    assert LiveLag(asking, "sentiment", "reviews")() == 100


def test_a_group_that_never_read_has_no_lag(asking: MemoryBroker) -> None:
    assert LiveLag(asking, "sentiment", "reviews")() is None
    assert Throttle(LiveLag(asking, "sentiment", "reviews"), 1).wait_for_lag(lambda lag: None) == 0


def test_kafka_is_asked_once_a_second(asking: MemoryBroker) -> None:
    clock = Clock()
    lag = LiveLag(asking, "sentiment", "reviews", clock)
    live(asking, p0=0, p1=100, p2=100)
    assert lag() == 100
    live(asking, p0=100)
    assert lag() == 100
    clock.sleep(1.0)
    assert lag() == 0


def test_it_waits_until_the_live_group_caught_up() -> None:
    clock, seen = Clock(), list[int]()
    lags = iter([5_000, 3_000, 1_001, 1_000])
    held = Throttle(lambda: next(lags), 1_000, clock=clock, sleep=clock.sleep).wait_for_lag(seen.append)
    assert seen == [5_000, 3_000, 1_001]
    assert held == pytest.approx(clock.now - 100.0)


def test_a_rate_is_kept_over_batches() -> None:
    clock = Clock()
    throttle = Throttle(lambda: 0, 1_000, rate=50, clock=clock, sleep=clock.sleep)
    for _ in range(10):
        clock.sleep(0.3)
        throttle.limit_rate(throttle.most_records(512))
    assert clock.now - 100.0 == pytest.approx(10.0)


def test_a_long_pause_is_not_made_up_for() -> None:
    clock = Clock()
    throttle = Throttle(lambda: 0, 1_000, rate=10, clock=clock, sleep=clock.sleep)
    clock.sleep(600.0)
    throttle.limit_rate(50)
    assert clock.now - 700.0 == pytest.approx(4.0)


@pytest.mark.parametrize(("rate", "most"), [(None, 512), (5_000, 512), (20, 20), (1, 1)])
def test_a_batch_is_a_second_of_the_rate_at_most(rate: float | None, most: int) -> None:
    assert Throttle(lambda: 0, 1, rate).most_records(512) == most


def test_who_watches_sees_what_is_waited_for() -> None:
    assert description(12_345) == "waiting for the live group (lag 12,345)"
    assert description(None) == "rescoring"
