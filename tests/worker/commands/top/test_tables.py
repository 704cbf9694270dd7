import io

import pytest
from rich.console import Console

from tests.worker.commands.group.scrapes import scrape
from worker.commands.group.scrape import Answer, Unreachable
from worker.commands.top.capacity import Target
from worker.commands.top.rates import Observations
from worker.commands.top.tables import Layout, layout_for, render
from worker.commands.top.view import GroupView, view

LAYOUT = Layout(width=120, workers=20, stages=20, partitions=20)


def group(workers: int, partitions: int = 4, silent: int = 0, name: str = "worker-{}:8000", lag: int = 1) -> GroupView:
    """Workers with so many partitions each, the later ones further behind, after two looks."""
    observations = Observations(over_seconds=10.0)
    for at in (0.0, 10.0):
        answers: list[Answer] = [
            Unreachable(f"silent-{number}:8000", "no answer within 2 s") for number in range(silent)
        ]
        for worker in range(workers):
            lags = {worker * partitions + each: 1_000 * lag * worker * (each + 1) for each in range(partitions)}
            stages = {"infer": 0.8 * at, "commit": 0.2 * at}
            answers.append(scrape(at, 500 * at, lags, stages, name.format(worker), process_cpu_seconds_total=at))
        observations.add(answers)
    return view(answers, observations, Target(headroom=0.25))


def shown(found: GroupView, layout: Layout = LAYOUT) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=layout.width).print(render(found, layout, "12:00:00"))
    return out.getvalue().splitlines()


def text(found: GroupView, layout: Layout = LAYOUT) -> str:
    return " ".join(" ".join(shown(found, layout)).split())


def test_the_summary_answers_the_questions() -> None:
    reported = text(group(2))
    for expected in (
        "12:00:00 2 workers, all on reviews 4",
        "limited by CPU: decoding, scoring and encoding take 80% of the time",
        "10,000 records left to read on 8 partitions",
        "never drained at this pace",
        "1,000 arrive, 1,000 are done",
        "3 workers to keep up",
        "500/s each when busy, 25% kept free; 500 a CPU-second; 2 answer",
        "CPU 80%",
    ):
        assert expected in reported


def test_more_workers_than_partitions_are_told_to_be_of_no_use() -> None:
    assert "3 workers to keep up 500/s" in text(group(2, partitions=4))
    assert "3 workers to keep up, but there are only 2 partitions to share" in text(group(2, partitions=1))


def test_the_worst_are_shown_and_the_others_counted() -> None:
    lines = shown(group(50, partitions=4), Layout(120, workers=5, stages=4, partitions=7))
    reported = "\n".join(lines)
    assert ("worker-49:8000" in reported, "worker-12:8000" in reported) == (True, False)
    assert "45 more workers less behind." in reported
    assert "189 more partitions less behind." in reported
    assert "4 more partitions with nothing left to read." in reported


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("name", ["worker-{}:8000", "kafka-sentiment-7c9f8b6d4-abcde-{}.internal:8000"])
def test_it_fits_a_terminal(width: int, name: str) -> None:
    lines = shown(group(3, partitions=12, silent=1, name=name, lag=1_000), Layout(width, 20, 20, 20))
    assert all(len(line.rstrip()) <= width for line in lines)
    assert "1,000,000" in "\n".join(lines)
    assert not any("\N{HORIZONTAL ELLIPSIS}" in line for line in lines if "8-" not in line)


@pytest.mark.parametrize(
    ("workers", "silent", "height"), [(50, 0, 40), (50, 9, 50), (2, 0, 30), (2, 0, 24), (0, 50, 24)]
)
def test_a_screen_is_filled_and_not_exceeded(workers: int, silent: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=100, height=height)
    found = group(workers, silent=silent)
    lines = shown(found, layout_for(found, console))
    assert len(lines) <= height
    assert len(lines) >= height - 6 or "more" not in "\n".join(lines)


def test_workers_that_do_not_answer_have_a_row_with_the_reason() -> None:
    assert "silent-0:8000 no answer: no answer within 2 s" in text(group(1, silent=1))


def test_nobody_at_all() -> None:
    reported = text(group(0, silent=1))
    assert "limited by unclear: no worker answers" in reported
    assert "not known: no worker has a partition" in reported


def test_markup_and_control_characters_are_shown_as_they_are() -> None:
    reported = text(group(1, name="[red]\x1b[2J{}:8000"))
    assert "[red]" in reported
    assert "\x1b" not in reported
