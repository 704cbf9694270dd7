import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.worker.commands.rolling_check.checks import LIMITS, STARTED, good, later, stood_still, without
from worker.commands.rolling_check.observations import Event
from worker.commands.rolling_check.plot import draw, drawing_is_possible, p99_by_second, points
from worker.commands.rolling_check.report import show
from worker.commands.rolling_check.verdict import evaluate
from worker.errors import BadUse, StopWorker


def test_the_table_has_a_row_for_each_phase_and_the_last_line_is_the_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(evaluate(good(), LIMITS), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["phase", "before", "update", "restarts", "after"]
    assert lines[2].split()[1:7] == ["10.0", "100", "100", "0", "0", "0"]
    assert lines[-1] == "Passed: 400 reviews, each answered once and in order, all within the limits."


def test_problems_stand_before_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    show(evaluate(without(good(), "r5"), LIMITS), as_json=False)
    assert capsys.readouterr().out.splitlines()[-2:] == ["Reviews lost: 1.", "Failed: 1 problem with 400 reviews."]


def test_a_note_stands_between_the_problems_and_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    show(evaluate(later(good(), ["r5", "r6"], 1.0), LIMITS), as_json=False)
    problem, note, last = capsys.readouterr().out.splitlines()[-3:]
    assert "in the phase 'before'" in problem
    assert note.startswith("The phase 'before' passed a limit already")
    assert last == "Failed: 1 problem with 400 reviews."


def test_json_is_one_object_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    check = replace(good(), events=[Event(STARTED + 10, "label stable: 1 to 2")])
    show(evaluate(without(check, "r5"), LIMITS), as_json=True)
    out = capsys.readouterr().out
    report = json.loads(out)
    assert out.count("\n") == 1
    assert (report["passed"], report["problems"]) == (False, ["Reviews lost: 1."])
    assert report["phases"][0]["lost"] == 1
    assert report["events"] == [{"seconds": 10.0, "event": "label stable: 1 to 2"}]


def test_points_are_when_a_review_was_sent_and_how_long_it_took_by_version() -> None:
    found = points(good())
    assert [(version, len(those)) for version, those in found.items()] == [(1, 150), (2, 250)]
    assert found[2][0] == pytest.approx((15.0, 0.02))


def test_p99_is_taken_over_each_second_of_a_phase() -> None:
    seconds = list(p99_by_second(stood_still(good(), 24.0, 25.5)))
    assert len(seconds) == 40
    slow = {begin: latency for begin, _, latency in seconds if latency > 0.1}
    assert slow == pytest.approx({24.0: 1.5, 25.0: 0.5})


@pytest.mark.parametrize(("name", "begin"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml")])
def test_a_picture_is_drawn(tmp_path: Path, name: str, begin: bytes) -> None:
    drawing_is_possible(tmp_path / name)
    draw(replace(good(), events=[Event(STARTED + 10, "label stable: 1 to 2")]), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begin)


def test_a_check_without_any_answer_is_drawn_too(tmp_path: Path) -> None:
    draw(replace(good(), arrivals=[]), tmp_path / "p.svg")
    assert (tmp_path / "p.svg").exists()


@pytest.mark.parametrize("name", ["p.jpg", "p", "missing/p.png"])
def test_a_picture_that_cannot_be_is_refused_before_anything_starts(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadUse, match="--picture"):
        drawing_is_possible(tmp_path / name)


def test_a_picture_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.png").mkdir()
    with pytest.raises(StopWorker, match="could not be written"):
        draw(good(), tmp_path / "p.png")
