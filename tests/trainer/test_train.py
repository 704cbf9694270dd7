import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from models.artifact import KERAS_FILE
from models.padding import pad
from models.registry import Registry, Resolved
from models.scorer import Scorer
from models.text import TextSettings
from tests.reviews import sample
from trainer.__main__ import main
from trainer.networks import MaxPoolLstm
from trainer.recipes import Recipe, Training, find_recipe
from trainer.train import FitData, count_words, fit

# Keras hands TensorFlow's variables to NumPy in a way that NumPy is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

TINY = Recipe(
    "tiny",
    "tiny",
    TextSettings(vocabulary_size=300, max_length=30),
    MaxPoolLstm(embedding_units=8, lstm_units=6, hidden_units=4),
    Training(epochs=2, batch_size=32, learning_rate=1e-2),
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Resolved:
    data = FitData(sample().take(np.arange(2_000) < 300), sample().take(np.arange(2_000) >= 1_800))
    return fit(TINY, data, Registry(tmp_path_factory.mktemp("store")))


def test_a_fit_publishes_a_version_that_verifies_and_scores(published: Resolved) -> None:
    assert (published.name, published.version) == ("tiny", 1)
    assert Scorer.load(published.path).score(["good"]).probabilities.sum() == pytest.approx(1)


def test_the_manifest_tells_how_the_version_was_made(published: Resolved) -> None:
    manifest = Scorer.load(published.path).manifest
    assert manifest.text == TINY.text
    assert manifest.training["recipe"] == "tiny"
    assert len(manifest.training["history"]["loss"]) == 2
    assert manifest.metrics["test"]["reviews"] == 200
    assert {"keras", "tensorflow", "onnxruntime"} <= set(manifest.frameworks)


def test_the_same_seed_and_data_give_the_same_model(published: Resolved, tmp_path: Path) -> None:
    again = fit(TINY, FitData(sample().take(np.arange(2_000) < 300)), Registry(tmp_path))
    first, second = (Scorer.load(each.path).score(sample().texts[:50]).probabilities for each in (published, again))
    assert first == pytest.approx(second, abs=1e-4)


def test_fitting_stops_when_the_accuracy_is_reached(tmp_path: Path) -> None:
    recipe = dataclasses.replace(TINY, training=Training(epochs=5, batch_size=32, stop_at_accuracy=0.01))
    made = fit(recipe, FitData(sample().take(np.arange(2_000) < 100)), Registry(tmp_path))
    assert len(Scorer.load(made.path).manifest.training["history"]["loss"]) == 1


def test_the_packaged_model_scores_1000_reviews_as_its_keras_network_does() -> None:
    path = Registry().resolve("imdb").path
    scorer, texts = Scorer.load(path), sample().texts[:1_000]
    tokens = scorer.tokenize(texts)
    positive = keras.models.load_model(path / KERAS_FILE).predict(
        pad(tokens, np.arange(1_000)), batch_size=100, verbose=0
    )
    assert np.abs(scorer.infer(tokens).probabilities[:, 1] - positive[:, 0]).max() < 1e-4


def test_the_packaged_model_was_made_by_its_recipe() -> None:
    recipe = find_recipe("imdb-d")
    manifest = Scorer.load(Registry().resolve("imdb@1").path).manifest
    assert manifest.text == recipe.text
    assert manifest.network == recipe.network.to_json()
    assert manifest.training.items() >= recipe.training.to_json().items()


def test_words_are_ranked_by_frequency_then_alphabet_without_stop_words() -> None:
    vocabulary = count_words(("b a the the c", "c the"), TextSettings(vocabulary_size=2), ["the"])
    assert vocabulary.words == ("c", "a")


def test_evaluate_prints_one_object_on_one_line(published: Resolved, capsys: pytest.CaptureFixture[str]) -> None:
    store, data = str(published.path.parents[1]), str(Path("deploy/local/sample_reviews.tsv.gz"))
    assert main(["evaluate", "--model", "tiny", "--data", data, "--store", store, "--json"]) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    names = {"f1", "accuracy", "macro_f1", "calibration_error", "reviews", "reviews_per_cpu_second"}
    assert names <= set(json.loads(line))


def test_evaluating_needs_no_tensorflow() -> None:
    script = (
        "import sys; from trainer.__main__ import main;"
        "main(['evaluate', '--model', 'imdb', '--data', 'deploy/local/sample_reviews.tsv.gz', '--json']);"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "--recipe", "imdb-d", "--data", "/nowhere.tsv"),
        ("fit", "--recipe", "nope", "--data", "deploy/local/sample_reviews.tsv.gz"),
        ("evaluate", "--model", "nope", "--data", "deploy/local/sample_reviews.tsv.gz"),
        ("evaluate", "--model", "imdb", "--data", "/nowhere.tsv"),
    ],
)
def test_what_fails_says_why_in_one_sentence(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
