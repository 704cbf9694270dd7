"""The command line, as people type it; every recipe runs from its data to a published version on the small sample."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from models.registry.registry import Registry
from models.scorer import Scorer
from tests.reviews import SAMPLE_FILE
from trainer.__main__ import main
from trainer.recipes import RECIPES, ForestRecipe, Recipe

METRICS = {"f1", "accuracy", "macro_f1", "calibration_error", "reviews", "reviews_per_cpu_second"}
LSTMS = sorted(name for name, recipe in RECIPES.items() if isinstance(recipe, Recipe))
FORESTS = sorted(name for name, recipe in RECIPES.items() if isinstance(recipe, ForestRecipe))


def write_sample(path: Path, reviews: slice) -> str:
    """Some of the sample's reviews in a file of their own, so that every recipe takes seconds."""
    header, *lines = gzip.decompress(SAMPLE_FILE.read_bytes()).splitlines(keepends=True)
    path.write_bytes(b"".join([header, *lines[reviews]]))
    return str(path)


def fit(recipe: str, directory: Path, *more: str) -> int:
    data = write_sample(directory / "reviews.tsv", slice(0, 500))
    where = ("--runs", str(directory / "runs"), "--store", str(directory / "store"))
    epochs = () if recipe in FORESTS else ("--epochs", "1")
    return main(["fit", "--recipe", recipe, "--data", data, *epochs, *where, "--json", *more])


@pytest.mark.parametrize("recipe", LSTMS)
def test_a_recipe_runs_from_its_data_to_a_version_that_scores(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(recipe, tmp_path, "--unlabelled", write_sample(tmp_path / "more.tsv", slice(500, 800))) == 0
    reported = json.loads(capsys.readouterr().out)
    version = Registry(tmp_path / "store").resolve(reported["model"])
    assert version.version == reported["version"] == 1
    assert Scorer.load(version.path).manifest.training["recipe"] == recipe
    assert reported["metrics"]["held_out"]["accuracy"] > 0.4


@pytest.mark.parametrize("recipe", FORESTS)
def test_a_forest_is_evaluated_and_has_nothing_to_publish(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(recipe, tmp_path, "--test", write_sample(tmp_path / "test.tsv", slice(500, 800))) == 0
    reported = json.loads(capsys.readouterr().out)
    assert reported["metrics"]["held_out"]["accuracy"] > 0.4
    assert reported["metrics"]["test"]["accuracy"] > 0.4
    # The held-out texts are judged by trees that never saw them, the test file by those grown on all texts.
    log = (Path(reported["run"]) / "log.txt").read_text()
    grown = [int(count) for count in re.findall(r"growing 150 trees on [-\w]+ of (\d+) texts", log)]
    assert 0 < grown[0] < grown[1] == 500
    assert "version" not in reported
    assert main(["publish", reported["run"], "--store", str(tmp_path / "store")]) == 1
    assert "nothing to publish" in capsys.readouterr().err


def test_three_classes_are_kept_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        f"it was {label} {number},{label}" for number in range(100) for label in ("negative", "neutral", "positive")
    ]
    (tmp_path / "tweets.csv").write_text("\n".join(["text,airline_sentiment", *rows]) + "\n")
    assert fit("airline", tmp_path, "--data", str(tmp_path / "tweets.csv"), "--keep-neutral") == 0
    capsys.readouterr()
    scorer = Scorer.load(Registry(tmp_path / "store").resolve("airline").path)
    assert scorer.classes == ("negative", "neutral", "positive")
    assert scorer.score(["it was neutral"]).probabilities.shape == (1, 3)


def test_a_run_publishes_under_another_name_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit("airline", tmp_path, "--model", "shop") == 0
    assert json.loads(capsys.readouterr().out)["model"] == "shop"
    assert Registry(tmp_path / "store").names() == ["shop"]


def test_unlabelled_texts_that_a_recipe_cannot_use_are_left_aside_and_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit("airline", tmp_path, "--unlabelled", write_sample(tmp_path / "more.tsv", slice(500, 510))) == 0
    assert "left aside" in capsys.readouterr().err


def test_evaluate_prints_one_object_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--model", "imdb", "--data", str(SAMPLE_FILE), "--json"]) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert set(json.loads(line)) >= METRICS


def test_evaluating_needs_no_tensorflow() -> None:
    script = (
        "import sys; from trainer.__main__ import main;"
        f"main(['evaluate', '--model', 'imdb', '--data', {str(SAMPLE_FILE)!r}, '--json']);"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "--recipe", "imdb-d", "--data", "/nowhere.tsv"),
        ("fit", "--recipe", "nope", "--data", str(SAMPLE_FILE)),
        ("fit", "--recipe", "imdb-d", "--data", str(SAMPLE_FILE), "--from", "nope@1"),
        ("fit", "--recipe", "imdb-d", "--data", str(SAMPLE_FILE), "--text", "nope", "--label", "sentiment"),
        ("evaluate", "--model", "nope", "--data", str(SAMPLE_FILE)),
        ("evaluate", "--model", "imdb", "--data", "/nowhere.tsv"),
        ("evaluate", "--model", "imdb", "--data", str(SAMPLE_FILE), "--keep-neutral"),
        ("report", "/nowhere"),
        ("compare", "nope@1"),
    ],
)
def test_what_fails_says_why_in_one_sentence(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [(), ("fit",), ("fit", "--recipe", "imdb-d", "--data", "a", "--epochs", "0")])
def test_bad_use_ends_with_status_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage:" in capsys.readouterr().err
