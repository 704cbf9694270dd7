"""The versions that come with the project are what the README says of them."""

from pathlib import Path
from typing import Any

import onnx
import pytest

from models.artifact import Manifest, read_manifest
from models.registry.registry import Registry
from models.scorer import Scorer
from tests.reviews import sample
from trainer.evaluate import evaluate
from trainer.recipes import Recipe, find_recipe

MOST_BYTES = 20_000_000
MOST_PARAMETERS = 4_000_000
PACKAGED = ["imdb", "reviews", "airline"]


def directory(name: str) -> Path:
    return Registry().resolve(name).path


def manifest(name: str) -> Manifest:
    return read_manifest(directory(name))


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_version_verifies_and_is_small(name: str) -> None:
    Scorer.load(directory(name))
    assert sum(path.stat().st_size for path in directory(name).rglob("*") if path.is_file()) < MOST_BYTES


@pytest.mark.parametrize("name", ["reviews", "airline"])
def test_a_packaged_version_was_made_by_its_recipe(name: str) -> None:
    recipe, made = find_recipe(name), manifest(name)
    assert isinstance(recipe, Recipe)
    assert made.text == recipe.text
    # What a network has none of may be unknown to a manifest from before there was any.
    parts = {name: value for name, value in recipe.network.to_json().items() if value or name in made.network}
    assert made.network.items() >= parts.items()
    assert made.training.items() >= recipe.training.to_json().items()


def test_reviews_is_one_lstm_of_few_parameters_and_most_of_them_words() -> None:
    graph = onnx.load(directory("reviews") / "model.onnx").graph
    assert [node.op_type for node in graph.node].count("LSTM") == 1
    network: dict[str, Any] = manifest("reviews").network
    assert network["parameters"] <= MOST_PARAMETERS
    (embedding,) = (each.dims for each in graph.initializer if each.name == "embedding")
    assert embedding[0] * embedding[1] > network["parameters"] / 2


def test_reviews_was_good_on_the_whole_test_file() -> None:
    on_test = manifest("reviews").metrics["test"]
    assert on_test["reviews"] == 25_000
    assert on_test["f1"] >= 0.915
    assert on_test["calibration_error"] <= 0.02


def test_reviews_is_better_on_the_sample_than_the_articles_model() -> None:
    reviews, article = (evaluate(Scorer.load(directory(name)), sample()) for name in ("reviews", "imdb"))
    assert reviews.f1 >= 0.9
    assert reviews.f1 > article.f1 + 0.03


def test_airline_tells_a_sad_tweet() -> None:
    scorer = Scorer.load(directory("airline"))
    assert manifest("airline").metrics["held_out"]["accuracy"] >= 0.92
    scores = scorer.score(["This is soo sad", "thank you so much, great flight"]).probabilities
    assert [scorer.classes[index] for index in scores.argmax(axis=1)] == ["negative", "positive"]
