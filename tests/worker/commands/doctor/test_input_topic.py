"""What is thought of what stands in the input topic."""

import pytest

from worker.commands.doctor.context import InputFacts
from worker.commands.doctor.group import evaluate_group, evaluate_instance, evaluate_offsets
from worker.commands.doctor.input_topic import evaluate_arrivals, evaluate_clock, evaluate_sample
from worker.commands.doctor.results import Mark
from worker.kafka.admin import GroupFacts, TransactionFacts
from worker.kafka.types import Partition

ZERO, ONE = Partition("reviews", 0), Partition("reviews", 1)
ENDS = {ZERO: 1_000, ONE: 2_000}


def facts(minute: int = 0, hour: int = 0, ahead: int = 0) -> InputFacts:
    """3,000 records; how many of partition 1 came in the last minute and hour, and how many are dated ahead."""
    windows = {60.0: ENDS | {ONE: 2_000 - minute}, 3_600.0: ENDS | {ONE: 2_000 - hour}}
    return InputFacts({ZERO: 0, ONE: 0}, ENDS, windows, ENDS | {ONE: 2_000 - ahead})


def test_the_busiest_window_is_what_workers_must_be_ready_for() -> None:
    rate, finding = evaluate_arrivals(facts(minute=600, hour=1_800), None)
    assert rate == 10.0
    assert finding.found.startswith("10/s in the last 60 s, 0.5/s in the last 60 min")


def test_a_longer_window_that_holds_no_more_says_nothing_new() -> None:
    assert facts(minute=600, hour=600).rates() == {60.0: 10.0}


def test_an_expected_rate_counts_before_what_is_seen() -> None:
    rate, finding = evaluate_arrivals(facts(minute=600), 500.0)
    assert (rate, finding.found) == (500.0, "500/s expected (--rate); seen: 10/s in the last 60 s")


def test_too_few_records_tell_no_rate() -> None:
    rate, finding = evaluate_arrivals(facts(minute=9), None)
    assert (rate, finding.mark) == (None, Mark.SKIPPED)


@pytest.mark.parametrize(
    ("offsets", "start", "expected"),
    [
        ({ZERO: 900, ONE: 2_000}, "earliest", "100 records left to read from where the group stands"),
        ({ONE: 2_000}, "earliest", "1,000 records left to read from where the group stands"),
        ({}, "earliest", "the group is new and begins with the oldest of 3,000 records"),
        ({}, "latest", "the group is new and begins at the end (3,000 records before it are left out)"),
    ],
)
def test_what_is_left_depends_on_where_the_group_stands(
    offsets: dict[Partition, int], start: str, expected: str
) -> None:
    [finding] = evaluate_offsets(facts(), offsets, start)
    assert (finding.mark, finding.found) == (Mark.OK, expected)


def test_records_that_were_deleted_unread_are_a_warning() -> None:
    found = InputFacts({ZERO: 500, ONE: 0}, ENDS, {}, ENDS)
    [finding] = evaluate_offsets(found, {ZERO: 100, ONE: 2_000}, "earliest")
    assert finding.mark is Mark.WARNING
    assert finding.found.startswith("400 records were deleted before the group read them (partitions 0)")


def test_a_group_behind_the_end_of_a_topic_made_anew_is_a_warning() -> None:
    [finding] = evaluate_offsets(facts(), {ZERO: 1_001, ONE: 2_000}, "earliest")
    assert (finding.mark, "partitions 0" in finding.found) == (Mark.WARNING, True)


def test_a_record_dated_ahead_of_our_clock_is_a_warning() -> None:
    assert evaluate_clock(facts()).mark is Mark.OK
    assert evaluate_clock(facts(ahead=1)).found.startswith("partitions 1 hold records dated more than 5 s ahead")


def test_an_empty_topic_says_nothing_about_clocks() -> None:
    assert evaluate_clock(InputFacts(ENDS, ENDS, {}, ENDS)).mark is Mark.SKIPPED


def test_reviews_that_cannot_be_decoded_are_a_warning_until_none_can() -> None:
    assert evaluate_sample(200, [], 0).mark is Mark.OK
    assert evaluate_sample(200, ["text: Field required"], 0).mark is Mark.WARNING
    assert evaluate_sample(2, ["text: Field required"] * 2, 0).mark is Mark.FAILS


def test_a_group_at_work_is_no_fault() -> None:
    assert evaluate_group(GroupFacts("Empty", ()), "g").found == "g has no members: this is its first worker"
    assert evaluate_group(GroupFacts("Stable", ("10.0.0.1", "10.0.0.1")), "g").found.startswith("g has 2 (on 10.0.0.1)")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([None, None], Mark.OK),
        ([TransactionFacts(False, 7)] * 2, Mark.OK),
        ([TransactionFacts(False, 7), TransactionFacts(False, 8)], Mark.FAILS),
        ([TransactionFacts(True, 7)], Mark.FAILS),
    ],
)
def test_an_instance_id_in_use_fails(seen: list[TransactionFacts | None], expected: Mark) -> None:
    assert evaluate_instance("a", seen).mark is expected


def test_the_worker_that_runs_here_may_use_its_instance_id() -> None:
    finding = evaluate_instance("a", [TransactionFacts(True, 7)], worker_runs_here=True)
    assert (finding.mark, "a worker runs here" in finding.found) == (Mark.OK, True)
