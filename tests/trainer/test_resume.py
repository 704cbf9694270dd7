"""A run that is killed goes on to the weights that it would have had."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.artifact import read_manifest
from models.registry.registry import Registry
from tests.trainer.tiny import make_run, weights_of
from trainer.__main__ import main
from trainer.checkpoints import Checkpoints, History
from trainer.data.sources import Texts
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.recipes import Recipe, find_recipe
from trainer.runs import Run, write_json
from trainer.train import train

FIT = ("fit", "--recipe", "airline", "--epochs", "3", "--no-publish", "--json")


def fit_in(directory: Path, data: Path) -> list[str]:
    columns = ("--text", "text", "--label", "label")
    return [sys.executable, "-m", "trainer", *FIT, "--data", str(data), *columns, "--runs", str(directory)]


def only_run(directory: Path) -> Run:
    (path,) = directory.iterdir()
    return Run.open(path)


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
def killed_once(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Run:
    """A run that was killed within its second or third epoch; tests get copies."""
    return start_and_kill(tmp_path_factory.mktemp("killed"), data)


@pytest.fixture
def stopped(killed_once: Run, tmp_path: Path) -> Run:
    """A copy of it, to change."""
    return Run.open(shutil.copytree(killed_once.path, tmp_path / "stopped"))


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, killed_once: Run) -> Run:
    """One that then went on to its end."""
    run = Run.open(shutil.copytree(killed_once.path, tmp_path_factory.mktemp("resumed") / "run"))
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
    stopped: Run, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = data.read_bytes()
    data.write_bytes(before + b'{"text": "one more", "label": "positive"}\n')
    try:
        assert main(["resume", str(stopped.path)]) == 1
    finally:
        data.write_bytes(before)
    assert "has changed" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_told_in_one_sentence(stopped: Run) -> None:
    for path in stopped.checkpoints.iterdir():
        path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadData, match="Cannot read the checkpoint"):
        Checkpoints(stopped.checkpoints).load()


def test_what_is_no_run_cannot_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", str(tmp_path)]) == 1
    assert "not the directory of a training run" in capsys.readouterr().err


REVIEWS = tuple(f"it was {word} and {number} more" for number in range(60) for word in ("good", "bad", "awful", "fine"))


def training_data() -> tuple[Recipe, Texts]:
    """All that the shipped model's recipe does, on few texts and with a small network."""
    recipe = find_recipe("reviews", epochs=3)
    assert isinstance(recipe, Recipe)
    network = dataclasses.replace(recipe.network, embedding_units=8, lstm_units=4, pair_buckets=101)
    labelled = LabelledTexts(REVIEWS, np.array([1, 0, 0, 1] * 60, np.int32))
    unlabelled = tuple(f"{text} of it" for text in REVIEWS)
    return dataclasses.replace(recipe, network=network), Texts(labelled, unlabelled, None)


def test_teacher_vectors_averages_and_calibration_go_on_to_the_same_weights_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, texts = training_data()
    whole, stopped = (make_run(tmp_path / name, recipe) for name in ("whole", "stopped"))
    train(recipe, texts, whole)
    save = Checkpoints.save

    def save_and_stop(self: Checkpoints, variables: Sequence[Any], history: History) -> None:
        save(self, variables, history)
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", save_and_stop)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, texts, stopped)
    monkeypatch.undo()
    train(recipe, texts, stopped)
    assert len(stopped.history["loss"]) == 3
    expected = weights_of(whole)
    assert all(np.array_equal(weights, expected[name]) for name, weights in weights_of(stopped).items())


def test_a_run_of_another_recipe_does_not_go_on(stopped: Run, capsys: pytest.CaptureFixture[str]) -> None:
    settings = stopped.settings
    settings["training"]["learning_rate"] = 0.5
    write_json(stopped.path / "settings.json", settings)
    assert main(["resume", str(stopped.path)]) == 1
    assert "is another than the run's" in capsys.readouterr().err


def test_a_run_is_published_once(tmp_path: Path, killed: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run.open(shutil.copytree(killed.path, tmp_path / "run"))
    for _ in range(2):
        assert main(["resume", str(run.path), "--store", str(tmp_path / "store"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["version"] == 1
    assert Registry(tmp_path / "store").versions("airline") == [1]


def test_a_run_tells_by_the_same_hash_as_its_version_what_it_learnt_from(killed: Run) -> None:
    assert killed.settings["data_sha256"] == read_manifest(killed.artifact).data_sha256
