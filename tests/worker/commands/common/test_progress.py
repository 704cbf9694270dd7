"""What commands tell of how far they are while no person watches."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from worker.commands.common import progress
from worker.commands.common.progress import progress_bar, reported_regularly
from worker.commands.rescore.progress import rescore_bar


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line comes every 10 ms."""
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.01)


def until(reported: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not reported():
        assert time.monotonic() < deadline, "nothing was told"
        time.sleep(0.005)


def without_level(lines: list[Any]) -> list[dict[str, Any]]:
    return [{name: value for name, value in line.items() if name != "log_level"} for line in lines]


@pytest.mark.usefixtures("hasty")
def test_it_is_told_again_and_again_while_the_work_blocks_and_not_afterwards() -> None:
    reported: list[float] = []
    with reported_regularly(lambda: reported.append(time.monotonic())):
        until(lambda: len(reported) >= 3)
    count = len(reported)
    time.sleep(0.1)
    assert len(reported) == count
    assert "progress" not in [thread.name for thread in threading.enumerate()]


def test_nothing_is_told_of_short_work() -> None:
    with capture_logs() as lines, progress_bar("reading", lines=True) as show:
        show(1, 2)
    assert lines == []


@pytest.mark.usefixtures("hasty")
def test_a_bar_without_a_terminal_is_a_line_where_a_command_wants_it() -> None:
    with capture_logs() as lines, progress_bar("reading", lines=True) as show:
        show(5, 9)
        until(lambda: bool(lines))
    assert without_level(lines)[-1] == {"event": "reading", "done": 5, "total": 9}
    with capture_logs() as lines, progress_bar("sending") as show:
        show(5, 9)
        time.sleep(0.1)
    assert lines == []


@pytest.mark.usefixtures("hasty")
def test_a_rescoring_tells_how_far_it_is_and_what_it_waits_for() -> None:
    with capture_logs() as lines, rescore_bar(10, 100) as show:
        until(lambda: bool(lines))
        assert without_level(lines)[0] == {"event": "rescoring", "done": 10, "total": 100}
        show(20, 7)
        waits = {"event": "rescoring", "done": 20, "total": 100, "waiting_for_live_lag": 7}
        until(lambda: waits in without_level(lines))
        show(30)
        until(lambda: {"event": "rescoring", "done": 30, "total": 100} in without_level(lines))
    events = [line["event"] for line in lines if line["event"] != "rescoring"]
    assert events == ["waiting for the live group", "going on with the rescoring"]
