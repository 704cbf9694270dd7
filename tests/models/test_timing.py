"""Calls under a time limit of ours."""

import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

import pytest

from models.timing import Bounded, DeadlinePassed


@pytest.fixture
def bounded() -> Iterator[Bounded]:
    bounded = Bounded("bounded-test")
    yield bounded
    bounded.close()


def test_it_returns_what_the_function_returns(bounded: Bounded) -> None:
    assert bounded.call(divmod, 17, 5, seconds=5) == (3, 2)


def test_it_raises_what_the_function_raises(bounded: Bounded) -> None:
    with pytest.raises(ZeroDivisionError):
        bounded.call(divmod, 17, 0, seconds=5)


def test_one_thread_serves_call_after_call(bounded: Bounded) -> None:
    threads = {bounded.call(threading.get_ident, seconds=5) for _ in range(10)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.alone
def test_it_waits_no_longer_than_it_is_told(bounded: Bounded) -> None:
    never = threading.Event()
    started = time.monotonic()
    with pytest.raises(DeadlinePassed, match="no answer within"):
        bounded.call(never.wait, seconds=0.05)
    assert time.monotonic() - started < 1
    never.set()


def test_a_fresh_thread_serves_the_call_after_a_deadline(bounded: Bounded) -> None:
    first = bounded.call(threading.get_ident, seconds=5)
    never = threading.Event()
    with pytest.raises(DeadlinePassed):
        bounded.call(never.wait, seconds=0.01)
    assert bounded.call(threading.get_ident, seconds=5) != first
    never.set()


def test_a_late_outcome_answers_no_other_call(bounded: Bounded) -> None:
    late = threading.Event()
    with pytest.raises(DeadlinePassed):
        bounded.call(late.wait, seconds=0.01)
    late.set()
    assert [bounded.call(str, number, seconds=5) for number in range(3)] == ["0", "1", "2"]


def test_an_abandoned_thread_ends_with_its_call(bounded: Bounded) -> None:
    late = threading.Event()
    threads: list[threading.Thread] = []

    def hang() -> None:
        threads.append(threading.current_thread())
        late.wait()

    with pytest.raises(DeadlinePassed):
        bounded.call(hang, seconds=0.05)
    late.set()
    threads[0].join(5)
    assert not threads[0].is_alive()


def test_an_interrupted_wait_does_not_shift_the_answers(bounded: Bounded) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise Interrupted

    earlier = signal.signal(signal.SIGALRM, interrupt)
    late = threading.Event()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Interrupted):
            bounded.call(late.wait, seconds=5)
    finally:
        signal.signal(signal.SIGALRM, earlier)
    late.set()
    assert bounded.call(str, "next", seconds=5) == "next"


def test_closing_ends_the_thread() -> None:
    bounded = Bounded()
    thread = bounded.call(threading.current_thread, seconds=5)
    bounded.close()
    thread.join(5)
    assert not thread.is_alive()
