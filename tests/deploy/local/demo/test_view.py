import io

import pytest
from rich.console import Console

from deploy.local.demo.replay import Review
from deploy.local.demo.results import Result
from deploy.local.demo.view import Progress, duration, plain_line, screen
from deploy.local.workers import WorkerStatus

RESULT = Result("1_9", "positive", 0.987, 0.02, 0.0)
REVIEW = Review("1_9", "A film [bold]that[/] I loved <br /> " * 20, 9)


def progress() -> Progress:
    killed = WorkerStatus("worker-1", 4_194_304, "killed", 12_345, 3, 0)
    return Progress(
        "demo",
        total=20_000,
        sent=12_500,
        seen=12_354,
        elapsed_seconds=9.5,
        reviews_per_second=1_000.0,
        p50_seconds=0.018,
        p99_seconds=1.25,
        workers=[killed, WorkerStatus("worker-2", 1, "ready", 9, 3, 7)],
        latest=[(RESULT, REVIEW)] * 50,
        events=[(float(second), f"event {second}") for second in range(5)],
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (80, 15)])
def test_a_screen_fits_the_terminal_and_shows_the_figures(width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=height)
    with console.capture() as captured:
        console.print(screen(progress(), height))
    lines = captured.get().splitlines()
    assert len(lines) <= max(height - 1, 20)
    assert all(len(line) <= width for line in lines)
    for shown in ("12,354 of 20,000", "18 ms", "1.2 s", "146", "killed", "event 4", "[bold]that[/] I loved"):
        assert shown in captured.get()


def test_the_moment_in_one_line() -> None:
    assert plain_line(progress()) == ("   9.5 s  12,354 of 20,000 reviews  1,000/s  waiting 146  p50 18 ms  p99 1.2 s")


def test_durations_read_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (0.0184, 0.9, 3.44)] == ["18 ms", "900 ms", "3.4 s"]
