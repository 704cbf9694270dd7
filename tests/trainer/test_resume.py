"""A run that is killed goes on to the weights that it would have had."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models.artifact import read_manifest
from models.lstm_weights import LstmShape, read_weights
from trainer.__main__ import main
from trainer.checkpoints import Checkpoints
from trainer.errors import BadData
from trainer.runs import Run

FIT = ("fit", "--recipe", "airline", "--epochs", "3", "--no-publish", "--json")


def fit_in(directory: Path, data: Path) -> list[str]:
    columns = ("--text", "text", "--label", "label")
    return [sys.executable, "-m", "trainer", *FIT, "--data", str(data), *columns, "--runs", str(directory)]


def only_run(directory: Path) -> Run:
    (path,) = directory.iterdir()
    return Run.open(path)


def weights_of(run: Run) -> dict[str, np.ndarray]:
    shape = LstmShape.of(read_manifest(run.artifact).network)
    assert shape
    return read_weights(run.artifact / "weights.npz", shape)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short file, so that an epoch takes little time."""
    rows = [json.dumps({"text": f"it was {word} {number}", "label": label}) + "\n"
            for number in range(300) for word, label in (("good", "positive"), ("bad", "negative"))]  # fmt: skip
    path = tmp_path_factory.mktemp("data") / "reviews.jsonl"
    path.write_text("".join(rows))
    return path


def start_and_kill(directory: Path, data: Path) -> Run:
    """A run whose process was killed as soon as its first checkpoint was there."""
    process = subprocess.Popen(fit_in(directory, data), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while process.poll() is None and not list(directory.glob("*/checkpoints/epoch-*.npz")):
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    return only_run(directory)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Run:
    """A run that was killed within its second or third epoch and then went on to its end."""
    run = start_and_kill(tmp_path_factory.mktemp("killed"), data)
    done = Checkpoints(run.checkpoints).load()
    assert done
    assert done.epoch < 3
    assert not run.finished
    assert main(["resume", str(run.path), "--no-publish", "--json"]) == 0
    return run


def test_a_killed_run_goes_on_to_the_same_weights(killed: Run, tmp_path: Path, data: Path) -> None:
    subprocess.run(fit_in(tmp_path / "whole", data), check=True, capture_output=True)
    whole, resumed = weights_of(only_run(tmp_path / "whole")), weights_of(killed)
    assert all(np.array_equal(resumed[name], weights) for name, weights in whole.items())


def test_a_finished_run_is_only_told_about_again(killed: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = (killed.artifact / "weights.npz").stat().st_mtime_ns
    assert main(["resume", str(killed.path), "--no-publish", "--json"]) == 0
    assert "held_out" in json.loads(capsys.readouterr().out)["metrics"]
    assert (killed.artifact / "weights.npz").stat().st_mtime_ns == before


def test_a_run_whose_data_has_changed_does_not_go_on(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "reviews.jsonl"
    own.write_bytes(data.read_bytes())
    run = start_and_kill(tmp_path / "runs", own)
    own.write_bytes(data.read_bytes() + b'{"text": "one more", "label": "positive"}\n')
    assert main(["resume", str(run.path)]) == 1
    assert "has changed" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_told_in_one_sentence(tmp_path: Path, data: Path) -> None:
    run = start_and_kill(tmp_path, data)
    for path in run.checkpoints.iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadData, match="Cannot read the checkpoint"):
        Checkpoints(run.checkpoints).load()


def test_what_is_no_run_cannot_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", str(tmp_path)]) == 1
    assert "not the directory of a training run" in capsys.readouterr().err
