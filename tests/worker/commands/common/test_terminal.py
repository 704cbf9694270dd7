import os
import pty
import sys
from collections.abc import Iterator

import pytest

from tests.kafka.waiting import eventually
from worker.commands.common.terminal import pressed, single_keys, watched


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other end of a terminal that is standard input."""
    controlling, number = pty.openpty()
    with os.fdopen(number) as standard_input:
        monkeypatch.setattr(sys, "stdin", standard_input)
        yield controlling
    os.close(controlling)


def test_a_key_is_seen_without_enter(terminal: int) -> None:
    with single_keys():
        os.write(terminal, b"q")
        assert pressed("qQ", 10.0)


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_key_is_seen_even_when_there_is_no_time_to_wait(terminal: int, seconds: float) -> None:
    with single_keys():
        assert not pressed("qQ", seconds)
        os.write(terminal, b"xQ")
        eventually(lambda: pressed("qQ", seconds), 10.0, "the key was never seen")


def test_other_keys_mean_nothing(terminal: int) -> None:
    with single_keys():
        os.write(terminal, b"x")
        assert not pressed("qQ", 0.05)


def test_without_a_terminal_nothing_is_pressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert not watched()
    with single_keys():
        assert not pressed("qQ", 0.01)
