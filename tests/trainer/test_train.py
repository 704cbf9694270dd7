import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow

from models.artifact import KERAS_FILE, read_manifest
from models.engines.padding import pad
from models.engines.weights import LstmShape, read_weights
from models.registry.registry import Registry
from models.scorer import Scorer
from models.text import TextSettings, Tokens
from tests.reviews import sample
from tests.trainer.tiny import TEXTS, TINY, TRAINING, make_run, trained, weights_of
from trainer.artifacts import check_parity
from trainer.calibrate import calibrate
from trainer.checkpoints import best_epoch
from trainer.data.sources import Texts
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData, NotGoodEnough
from trainer.networks.networks import build
from trainer.pretraining.preparation import class_targets
from trainer.publish import publish
from trainer.recipes import Recipe, find_recipe
from trainer.runs import Run
from trainer.train import TrainingData, count_words, train


def test_a_run_ends_with_a_version_that_verifies_and_scores(run: Run) -> None:
    assert run.finished
    assert Scorer.load(run.artifact).score(["good"]).probabilities.sum() == pytest.approx(1)


def test_the_manifest_tells_how_the_version_was_made(run: Run) -> None:
    manifest = read_manifest(run.artifact)
    assert manifest.text == TINY.text
    assert manifest.training["recipe"] == "tiny"
    assert len(manifest.training["history"]["loss"]) == 3
    assert manifest.training["seconds"] > 0
    assert manifest.network["parameters"] == run.result["parameters"] == 302 * 8 + 4 * (14 * 6 + 6) + 28 + 5
    assert manifest.metrics["test"]["reviews"] == 200
    assert {"keras", "tensorflow", "onnxruntime"} <= set(manifest.frameworks)


def test_a_run_keeps_what_it_was_and_how_it_went(run: Run) -> None:
    assert run.data["texts"] == 300
    assert set(run.evaluations) == {"held_out", "test"}
    assert set(run.history) == {"loss", "accuracy", "val_loss", "val_accuracy", "seconds", "cpu_seconds"}
    assert "epoch 3: loss" in run.log_file.read_text()


def test_the_same_seed_and_data_give_the_same_weights(run: Run, tmp_path: Path) -> None:
    again = weights_of(trained(tmp_path))
    assert all(np.array_equal(again[name], weights) for name, weights in weights_of(run).items())


def test_another_seed_gives_other_weights(run: Run, tmp_path: Path) -> None:
    other = dataclasses.replace(TINY, training=dataclasses.replace(TRAINING, seed=2))
    assert not np.array_equal(weights_of(trained(tmp_path, other))["kernel"], weights_of(run)["kernel"])


def test_fitting_stops_when_the_accuracy_is_reached(tmp_path: Path) -> None:
    recipe = dataclasses.replace(TINY, training=dataclasses.replace(TRAINING, stop_at_accuracy=0.01))
    assert len(trained(tmp_path, recipe).history["loss"]) == 1


def test_fitting_stops_when_the_held_out_loss_no_longer_falls(tmp_path: Path) -> None:
    training = dataclasses.replace(TRAINING, learning_rate=0.3, epochs=40, patience=2, average_decay=0)
    history = trained(tmp_path, dataclasses.replace(TINY, training=training)).history
    assert len(history["loss"]) == best_epoch(history) + 2 < 40


def test_a_saved_model_loads_in_tensorflow_and_scores_as_the_version_does(run: Run) -> None:
    scorer, texts = Scorer.load(run.artifact), sample().texts[:50]
    tokens = scorer.tokenize(texts)
    served = tensorflow.saved_model.load(run.artifact).signatures["serving_default"]
    (positive,) = served(tensorflow.constant(pad(tokens, np.arange(50)))).values()
    assert np.asarray(positive)[:, 0] == pytest.approx(scorer.infer(tokens).probabilities[:, 1], abs=1e-4)


def test_a_saved_network_needs_no_layer_of_ours_but_pooling_and_no_pickle(run: Run) -> None:
    network = keras.models.load_model(run.artifact / KERAS_FILE, safe_mode=True)
    assert type(network.get_layer("lstm")) is keras.layers.LSTM


def test_a_run_goes_on_from_a_published_version(run: Run, tmp_path: Path) -> None:
    start = publish(run.artifact, Registry(tmp_path / "store"))
    still = dataclasses.replace(TINY, training=dataclasses.replace(TRAINING, learning_rate=0.0, epochs=1))
    went_on = make_run(tmp_path / "runs")
    train(still, TEXTS, went_on, start)
    assert weights_of(went_on)["kernel"] == pytest.approx(weights_of(run)["kernel"], abs=1e-6)
    assert read_manifest(went_on.artifact).parent_version == 1


def test_a_slim_half_precision_version_with_a_linear_part_is_a_start_too(tmp_path: Path) -> None:
    network = dataclasses.replace(TINY.network, pair_buckets=101)
    recipe = dataclasses.replace(TINY, network=network, half_precision=True)
    start = publish(trained(tmp_path / "runs", recipe).artifact, Registry(tmp_path / "store"), slim=True)
    went_on, still = make_run(tmp_path / "runs"), dataclasses.replace(TRAINING, learning_rate=0.0, epochs=1)
    train(dataclasses.replace(recipe, training=still), TEXTS, went_on, start)
    kept = read_weights(start.path / "weights.npz", LstmShape(word_pairs=True))
    assert kept["pairs"].dtype == np.float16
    assert weights_of(went_on)["kernel"] == pytest.approx(kept["kernel"], abs=1e-6)
    assert np.array_equal(weights_of(went_on)["embedding"], kept["embedding"])


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(TINY, text=TextSettings(vocabulary_size=300, max_length=31)),
        dataclasses.replace(TINY, network=dataclasses.replace(TINY.network, lstm_units=7)),
    ],
)
def test_another_network_or_other_words_are_no_start(run: Run, tmp_path: Path, changed: Recipe) -> None:
    start = publish(run.artifact, Registry(tmp_path / "store"))
    with pytest.raises(BadData, match="tiny version 1"):
        train(changed, TEXTS, make_run(tmp_path / "runs"), start)


def test_the_packaged_model_scores_1000_reviews_as_its_keras_network_does() -> None:
    path = Registry().resolve("imdb").path
    scorer, texts = Scorer.load(path), sample().texts[:1_000]
    network = keras.models.load_model(path / KERAS_FILE)
    assert check_parity(network, scorer, texts) < 1e-4


def test_the_first_packaged_model_was_made_by_its_recipe() -> None:
    recipe = find_recipe("imdb-d")
    assert isinstance(recipe, Recipe)
    manifest = read_manifest(Registry().resolve("imdb@1").path)
    network = {**recipe.network.to_json(), "hidden_units": recipe.network.hidden_units[0], "kind": "max_pool_lstm"}
    assert manifest.text == recipe.text
    assert manifest.network.items() <= network.items()
    assert {**recipe.training.to_json(), **manifest.training} == {**manifest.training, **recipe.training.to_json()}


def test_words_are_ranked_by_frequency_then_alphabet_without_stop_words() -> None:
    vocabulary = count_words(("b a the the c", "c the"), TextSettings(vocabulary_size=2), ["the"])
    assert vocabulary.words == ("c", "a")


def test_a_run_is_json_and_arrays_only(run: Run) -> None:
    json.loads((run.path / "settings.json").read_text())
    kinds = {path.suffix for path in run.checkpoints.iterdir()}
    assert kinds == {".npz"}


def test_unlabelled_texts_that_are_labelled_or_tested_on_are_not_learnt_from() -> None:
    recipe = find_recipe("reviews")
    texts = dataclasses.replace(TEXTS, unlabelled=("another text", *TEXTS.training.texts, *sample().texts[1_800:]))
    assert TrainingData.prepare(recipe, texts).unlabelled == ("another text",)


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [(("!!!", "???", "...") * 40, "no words"), (("good",), "positive"), (("good", "bad"), "too few|positive|negative")],
)
def test_too_little_to_learn_from_is_refused(tmp_path: Path, texts: tuple[str, ...], sentence: str) -> None:
    numbered = tuple(text + "!" * index for index, text in enumerate(texts))
    data = LabelledTexts(numbered, (np.arange(len(texts)) % 2).astype(np.int32))
    with pytest.raises(BadData, match=sentence):
        train(TINY, Texts(data), make_run(tmp_path))


def test_a_loss_that_is_no_number_ends_the_run_in_one_sentence(tmp_path: Path) -> None:
    training = dataclasses.replace(TRAINING, optimizer="sgd", learning_rate=float("nan"))
    with pytest.raises(NotGoodEnough, match="no number any more in epoch 1"):
        trained(tmp_path, dataclasses.replace(TINY, training=training))


def test_an_epoch_whose_loss_is_no_number_is_not_the_best() -> None:
    assert best_epoch({"val_loss": [0.5, 0.4, float("nan")]}) == 2


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 1, 1]])
def test_calibration_on_few_texts_does_not_make_a_network_sure_of_everything(labels: list[int]) -> None:
    keras.utils.set_random_seed(1)
    network = build(TINY.network, 10, 2)
    data = LabelledTexts(("a", "b", "c"), np.array(labels, np.int32))
    tokens = Tokens(np.array([2, 3, 4], np.int32), np.ones(3, np.int32), np.ones(3, np.float32))
    calibrate(network, tokens, class_targets(data))
    assert 0.05 < float(np.asarray(network(np.array([[5]])))[0, 0]) < 0.95
