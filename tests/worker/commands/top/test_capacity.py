import pytest

from worker.commands.top.capacity import Drain, Target, arrival, drain, workers_needed

NO_HEADROOM = Target(headroom=0.0)


def test_a_lag_drains_by_the_difference_of_what_is_done_and_what_arrives() -> None:
    done, arriving = 300.0, 100.0
    assert drain(6_000, arriving - done, done) == Drain("draining", 30.0)


@pytest.mark.parametrize("growth", [0.0, 5.0])
def test_a_lag_that_does_not_fall_never_drains(growth: float) -> None:
    assert drain(6_000, growth, 300.0) == Drain("never")


def test_what_is_done_in_a_second_is_no_lag_to_drain() -> None:
    assert drain(0, 0.0, 0.0) == drain(300, 5.0, 300.0) == drain(0, None, None) == Drain("caught up", 0.0)
    assert drain(301, 5.0, 300.0) == Drain("never")


def test_without_an_earlier_look_nobody_knows() -> None:
    assert drain(6_000, None, 300.0) == Drain("unknown")


def test_what_arrives_is_what_is_done_and_what_is_left_more_than_before() -> None:
    assert arrival(300.0, 50.0) == 350.0
    assert arrival(300.0, -50.0) == 250.0
    assert arrival(300.0, -320.0) == 0.0
    assert arrival(None, 50.0) is arrival(300.0, None) is None


@pytest.mark.parametrize(("arriving", "needed"), [(0.0, 1), (999.0, 1), (1_000.0, 1), (1_001.0, 2), (5_000.0, 5)])
def test_as_many_workers_as_it_takes_to_do_what_arrives(arriving: float, needed: int) -> None:
    assert workers_needed(arriving, 0, per_worker=1_000.0, target=NO_HEADROOM) == needed


def test_headroom_stays_free() -> None:
    assert workers_needed(3_000.0, 0, 1_000.0, Target(headroom=0.25)) == 4
    assert workers_needed(3_001.0, 0, 1_000.0, Target(headroom=0.25)) == 5


def test_a_lag_that_is_to_be_drained_in_time_takes_more() -> None:
    assert workers_needed(1_000.0, 60_000, 1_000.0, Target(0.0, drain_seconds=60.0)) == 2
    assert workers_needed(1_000.0, 60_000, 1_000.0, Target(0.0, drain_seconds=20.0)) == 4
    assert workers_needed(1_000.0, 60_000, 1_000.0, NO_HEADROOM) == 1


def test_draining_uses_the_headroom() -> None:
    assert workers_needed(3_000.0, 60_000, 1_000.0, Target(0.25, drain_seconds=60.0)) == 4


def test_nobody_knows_how_many_as_long_as_a_rate_is_not_known() -> None:
    assert workers_needed(None, 0, 1_000.0, NO_HEADROOM) is workers_needed(10.0, 0, None, NO_HEADROOM) is None
    assert workers_needed(10.0, 0, 0.0, NO_HEADROOM) is None
