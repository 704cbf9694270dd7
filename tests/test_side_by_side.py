"""Who shares a process, in which order, and that a test marked `alone` is."""

import fcntl
import threading
from pathlib import Path

import pytest

from tests.kafka.waiting import eventually
from tests.side_by_side import ALONE, group_of, order, turn

LIMIT_SECONDS = 30


def ordered(groups: str, waiting: str) -> str:
    """One letter a test: the groups, and which of them wait."""
    return "".join(groups[index] for index in order(list(groups), [group in waiting for group in groups]))


def test_waiting_and_computing_are_dealt_out_evenly_the_larger_groups_first() -> None:
    assert ordered("wxyzabbcd", "wxyz") == "bbwaxcydz"


def test_a_group_stays_together_though_its_tests_are_not() -> None:
    assert ordered("ababab", "b") == "aaabbb"


def test_those_that_run_alone_come_last() -> None:
    groups = [ALONE, "b", ALONE, "a"]
    assert [groups[index] for index in order(groups, [False] * 4)] == ["a", "b", ALONE, ALONE]


def test_a_test_of_one_file_shares_what_is_made_for_the_file(request: pytest.FixtureRequest) -> None:
    assert group_of(request.node) == "tests/test_side_by_side.py"


def shut(lock: Path) -> bool:
    """Whether somebody waits to be alone, or is."""
    with lock.with_suffix(".door").open("w") as door:
        try:
            fcntl.flock(door, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_whoever_is_alone_waits_for_the_others_and_keeps_new_ones_out(tmp_path: Path) -> None:
    lock, history = tmp_path / "lock", []

    def take_turn(alone: bool) -> None:
        with turn(lock, alone):
            history.append(alone)

    with turn(lock, alone=False):
        threads = [threading.Thread(target=take_turn, args=(alone,)) for alone in (True, False)]
        threads[0].start()
        eventually(lambda: shut(lock), LIMIT_SECONDS, "nobody waits to be alone")
        threads[1].start()
        assert history == []
    for thread in threads:
        thread.join(LIMIT_SECONDS)
    assert history == [True, False]


def test_others_share_their_turn(tmp_path: Path) -> None:
    with turn(tmp_path / "lock", alone=False), turn(tmp_path / "lock", alone=False):
        pass
