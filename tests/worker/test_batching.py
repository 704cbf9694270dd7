from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.batching import BatchPolicy, StartOffsetCheck, collect_batch, offsets_after
from worker.errors import BatchRefused
from worker.kafka.types import CommittedOffset, Partition, Polled, Record


class Script:
    """A broker whose polls bring what is written here, each costing one second of its clock."""

    def __init__(self, polls: Sequence[Polled]) -> None:
        self.polls = list(polls)
        self.waits: list[float] = []
        self.now = 0.0

    def poll(self, max_records: int, timeout_seconds: float) -> Polled:
        self.waits.append(timeout_seconds)
        self.now += 1
        polled = self.polls.pop(0) if self.polls else Polled([])
        return Polled(polled.records[:max_records], polled.revoked)


def _records(partition: int, *offsets: int) -> list[Record]:
    return [Record("reviews", partition, offset, 0, None, b"", []) for offset in offsets]


def _gather(script: Script, policy: BatchPolicy) -> list[Record]:
    return collect_batch(script, policy, 0.5, lambda: script.now)  # type: ignore[arg-type]


def test_nothing_there_waits_once_for_the_idle_time() -> None:
    script = Script([])
    assert _gather(script, BatchPolicy()) == []
    assert script.waits == [0.5]


def test_what_is_there_goes_at_once() -> None:
    script = Script([Polled(_records(0, 1, 2)), Polled(_records(1, 7))])
    assert len(_gather(script, BatchPolicy(max_records=10))) == 3
    assert script.waits == [0.5, 0.0, 0.0]


def test_a_few_records_go_without_another_look() -> None:
    script = Script([Polled(_records(0, 1, 2)), Polled(_records(1, 7))])
    assert len(_gather(script, BatchPolicy(max_records=512))) == 2
    assert script.waits == [0.5]


def test_a_batch_that_is_not_full_waits_no_longer_than_the_policy_allows() -> None:
    script = Script([Polled(_records(0, 1))])
    assert len(_gather(script, BatchPolicy(max_wait_seconds=2.5))) == 1
    assert script.waits[1:] == [2.5, 1.5, 0.5]


def test_a_full_batch_does_not_poll_again() -> None:
    script = Script([Polled(_records(0, 1, 2, 3))])
    assert len(_gather(script, BatchPolicy(max_records=3, max_wait_seconds=9))) == 3
    assert len(script.waits) == 1


def test_records_of_revoked_partitions_are_dropped() -> None:
    lost = frozenset({Partition("reviews", 0)})
    script = Script([Polled(_records(0, 1) + _records(1, 5)), Polled(_records(0, 1), lost)])
    assert [(r.partition, r.offset) for r in _gather(script, BatchPolicy(max_records=8))] == [(1, 5), (0, 1)]


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 50))
def test_no_batch_is_larger_than_allowed_and_no_record_is_skipped(sizes: list[int], limit: int) -> None:
    offsets = iter(range(10_000))
    polls = [Polled(_records(0, *(next(offsets) for _ in range(size)))) for size in sizes]
    batch = _gather(Script([polled for polled in polls if len(polled.records) <= limit]), BatchPolicy(limit))
    assert len(batch) <= limit
    assert [record.offset for record in batch] == sorted(record.offset for record in batch)


def test_positions_are_the_next_offsets_per_partition() -> None:
    offsets = offsets_after(_records(0, 3, 4) + _records(1, 9), lambda _: "window")
    assert offsets == {
        Partition("reviews", 0): CommittedOffset(5, "window"),
        Partition("reviews", 1): CommittedOffset(10, "window"),
    }


class Group:
    """A broker that answers what is committed and counts the questions."""

    def __init__(self, **offsets: int) -> None:
        self.offsets = {Partition("reviews", int(number[1:])): CommittedOffset(at) for number, at in offsets.items()}
        self.times_rebalanced = 1
        self.queries = 0

    def rebalances(self) -> int:
        return self.times_rebalanced

    def committed(self) -> dict[Partition, CommittedOffset]:
        self.queries += 1
        return self.offsets


def test_kafka_is_asked_once_after_an_assignment_where_reading_should_begin() -> None:
    group = Group(p0=3)
    start_offset_check = StartOffsetCheck(group)  # type: ignore[arg-type]
    for batch in (_records(0, 3, 4), _records(0, 5), [], _records(1, 0), _records(1, 1)):
        start_offset_check.check(batch)
    assert group.queries == 2
    group.times_rebalanced = 2
    start_offset_check.check(_records(1, 2))
    assert group.queries == 3


def test_records_that_are_committed_already_are_refused_until_reading_begins_after_them() -> None:
    start_offset_check = StartOffsetCheck(Group(p0=3, p1=7))  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(BatchRefused, match="partition 1 began at offset 6, though everything before 7 is done"):
            start_offset_check.check([*_records(0, 3), *_records(1, 6, 7)])
    start_offset_check.check([*_records(0, 3), *_records(1, 7, 8)])
