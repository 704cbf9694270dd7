import json
import re
from pathlib import Path

import pytest

from trainer.errors import BadData
from trainer.runs import Run, write_json

SETTINGS = {"recipe": "imdb-d", "model": "imdb", "training": {"epochs": 2}}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "imdb-d", SETTINGS)


def test_a_run_is_named_by_its_recipe_and_the_time(run: Run) -> None:
    assert re.fullmatch(r"imdb-d-\d{8}-\d{6}", run.name)


def test_two_runs_of_one_second_have_two_directories(tmp_path: Path) -> None:
    runs = [Run.create(tmp_path, "imdb-d", SETTINGS) for _ in range(5)]
    assert len({run.path for run in runs}) == 5


def test_what_was_written_is_read_by_the_next_process(run: Run) -> None:
    run.history = {"loss": [0.7, 0.5]}
    run.write_evaluation("held_out", {"f1": 0.8})
    run.write_evaluation("test", {"f1": 0.9})
    again = Run.open(run.path)
    assert again.settings == SETTINGS
    assert again.history == {"loss": [0.7, 0.5]}
    assert list(again.evaluations.items()) == [("test", {"f1": 0.9}), ("held_out", {"f1": 0.8})]


def test_a_run_is_finished_when_its_result_is_there(run: Run) -> None:
    assert not run.finished
    run.result = {"parameters": 12, "training_seconds": 3.5, "training_cpu_seconds": 6.5}
    assert Run.open(run.path).finished


def test_a_new_run_has_no_history_no_data_and_no_evaluations(run: Run) -> None:
    assert (run.history, run.data, run.evaluations, run.artifact.exists()) == ({}, {}, {}, False)


def test_the_log_has_a_time_on_every_line(run: Run) -> None:
    run.log("Epoch 1 of 2\nloss 0.7")
    run.log("Done.")
    lines = run.log_file.read_text().splitlines()
    assert [line[20:] for line in lines] == ["Epoch 1 of 2", "loss 0.7", "Done."]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in lines)


def test_a_write_that_fails_leaves_the_old_file(run: Run) -> None:
    run.history = {"loss": [0.7]}
    with pytest.raises(TypeError):
        run.history = {"loss": [object()]}
    assert run.history == {"loss": [0.7]}


def test_nothing_but_the_file_itself_stays_behind(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 1}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no settings.json"), ("{", "is not JSON"), ("[]", "not a JSON object"), ("{}", "recipe and model")],
)
def test_what_is_no_run_is_refused_in_one_sentence(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "settings.json").write_text(content)
    with pytest.raises(BadData, match=reason):
        Run.open(tmp_path)


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(BadData, match="Cannot make a run directory"):
        Run.create(tmp_path / "runs", "imdb-d", SETTINGS)


def test_one_process_at_a_time_trains_a_run(run: Run) -> None:
    with run.locked(), pytest.raises(BadData, match="Another process"), Run.open(run.path).locked():
        pass
    with run.locked():
        pass
