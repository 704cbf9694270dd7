import argparse
from collections.abc import Callable

import pytest

from worker.commands.rescore.offsets import Bound, Span, bound, spans
from worker.errors import BadUse
from worker.kafka.memory.broker import MemoryBroker
from worker.kafka.memory.cluster import MemoryKafka
from worker.kafka.types import Message, Partition

Opened = Callable[..., MemoryBroker]
NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z


@pytest.fixture
def full(memory: MemoryKafka, opened: Opened) -> MemoryBroker:
    """A broker to ask about ten records on each of three partitions, a second apart from noon on."""
    for number in range(3):
        for second in range(10):
            memory.append(Message("reviews", b"k", b"v", []), partition=number, timestamp_ms=NOON + second * 1_000)
    return opened()


def found(broker: MemoryBroker, since: str | None = None, until: str | None = None) -> list[Span]:
    """The spans of the three partitions."""
    bounds = [None if text is None else bound(text) for text in (since, until)]
    by_partition = spans(broker, "reviews", *bounds)
    return [by_partition[Partition("reviews", number)] for number in range(3)]


@pytest.mark.parametrize(
    "text", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31 13:00+01:00", "2026-01-31T12:00:00.000+00:00"]
)
def test_times_are_in_utc_unless_they_say_otherwise(text: str) -> None:
    assert bound(text).moment_ms == NOON


def test_a_day_begins_at_midnight() -> None:
    assert bound("2026-01-31").moment_ms == NOON - 12 * 3_600_000


def test_an_age_is_so_long_ago() -> None:
    assert bound("1h30m", clock=lambda: 10_000.0).moment_ms == 4_600_000


def test_a_number_is_an_offset_and_pairs_are_offsets_by_partition() -> None:
    assert bound("5000") == Bound("5000", offset=5_000)
    assert bound("0:5000,11:4980") == Bound("0:5000,11:4980", pairs={0: 5_000, 11: 4_980})


@pytest.mark.parametrize("text", ["", "yesterday", "-5", "1:2,", "0:1;1:2", "2026-13-01", "5x", "1" * 30])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="no time such as 2026-01-31T12:00:00Z or 2h"):
        bound(text)


def test_a_partition_named_twice_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="names a partition twice"):
        bound("0:1,0:2")


def test_all_is_taken_by_default(full: MemoryBroker) -> None:
    assert found(full) == [Span(0, 10)] * 3


def test_the_end_is_not_in_the_range(full: MemoryBroker) -> None:
    assert found(full, "3", "7") == [Span(3, 7)] * 3


def test_times_are_looked_up_on_each_partition(full: MemoryBroker, memory: MemoryKafka) -> None:
    memory.append(Message("reviews", b"k", b"v", []), partition=1, timestamp_ms=NOON)
    late = memory.append(Message("reviews", b"k", b"v", []), partition=1, timestamp_ms=NOON + 60_000)
    assert found(full, "2026-01-31T12:00:09Z") == [Span(9, 10), Span(9, late.next_offset), Span(9, 10)]


def test_what_the_topic_does_not_hold_is_cut_off(full: MemoryBroker) -> None:
    assert found(full, "8", "5000") == [Span(8, 10)] * 3


def test_partitions_that_pairs_do_not_name_are_left_out(full: MemoryBroker) -> None:
    assert found(full, "0:2,1:4", "0:5,2:9") == [Span(2, 5), Span(10, 10), Span(10, 10)]


@pytest.mark.parametrize(("since", "until"), [("7", "3"), ("10", None), (None, "2020-01-01")])
def test_an_empty_range_stands_at_the_end(full: MemoryBroker, since: str | None, until: str | None) -> None:
    assert found(full, since, until) == [Span(10, 10)] * 3


def test_a_partition_that_is_not_there_is_named(full: MemoryBroker) -> None:
    with pytest.raises(BadUse, match="topic reviews has no partition 3: it has 3, counted from 0"):
        found(full, "3:0")
