from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow

from models.engines.padding import pad
from tests.trainer.miniatures import NETWORKS, random_tokens, random_weights
from trainer.networks.export import set_named_weights
from trainer.networks.fused_lstm import FusedLstm
from trainer.networks.networks import LstmNetwork, build

# All texts end in padding but the longest; one is a single word.
IDS = pad(random_tokens(10, longest=8), np.arange(10))
MASK = IDS > 0
VECTORS = np.random.default_rng(1).normal(size=(10, 8, 6)).astype(np.float32)
FUSIBLE = {name: network for name, network in NETWORKS.items() if not network.recurrent_dropout_ratio}


def values_and_gradients(network: LstmNetwork, classes: int, lstm_layer: Any) -> dict[str, Any]:
    """The probabilities, and how their weighted sum changes with every weight."""
    model = build(network, len(random_weights(network)["embedding"]), classes, lstm_layer)
    set_named_weights(model, random_weights(network, classes))
    with tensorflow.GradientTape() as tape:
        probabilities = model(IDS, training=False)
        shares = np.linspace(-3, 2, probabilities.shape[0] * probabilities.shape[1], dtype=np.float32)
        loss = tensorflow.reduce_sum(probabilities * shares.reshape(probabilities.shape))
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_variables])
    named = zip((weight.path for weight in model.trainable_variables), gradients, strict=True)
    return {"": np.asarray(probabilities)} | {name: tensorflow.convert_to_tensor(each).numpy() for name, each in named}


def two_layers(**options: Any) -> tuple[Any, Any]:
    """A fused layer and Keras' own, with the same weights."""
    fused, reference = FusedLstm(5, seed=3, **options), keras.layers.LSTM(5, seed=3, use_cudnn=False, **options)
    for layer in (fused, reference):
        layer.build((None, None, VECTORS.shape[2]))
    random = np.random.default_rng(2)
    weights = [random.normal(size=weight.shape) for weight in reference.trainable_weights]
    for layer in (fused, reference):
        for variable, values in zip(layer.trainable_weights, weights, strict=True):
            variable.assign(values)
    return fused, reference


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", FUSIBLE)
def test_values_and_gradients_are_those_of_keras(name: str, classes: int) -> None:
    fused = values_and_gradients(FUSIBLE[name], classes, FusedLstm)
    reference = values_and_gradients(FUSIBLE[name], classes, keras.layers.LSTM)
    assert len(fused) == 1 + len(random_weights(FUSIBLE[name]))
    for (path, found), expected in zip(fused.items(), reference.values(), strict=True):
        assert np.abs(expected).max() > 1e-4, path
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5), path


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_without_a_mask_every_step_counts(go_backwards: bool, return_sequences: bool) -> None:
    fused, reference = two_layers(go_backwards=go_backwards, return_sequences=return_sequences)
    assert np.asarray(fused(VECTORS)) == pytest.approx(np.asarray(reference(VECTORS)), abs=1e-6)


@pytest.mark.parametrize("go_backwards", [False, True])
def test_the_last_state_is_that_of_the_last_word(go_backwards: bool) -> None:
    fused, reference = two_layers(go_backwards=go_backwards)
    assert np.asarray(fused(VECTORS, mask=MASK)) == pytest.approx(np.asarray(reference(VECTORS, mask=MASK)), abs=1e-6)


@pytest.mark.parametrize("go_backwards", [False, True])
def test_every_word_has_its_own_step_in_the_sequence(go_backwards: bool) -> None:
    fused, reference = two_layers(go_backwards=go_backwards, return_sequences=True)
    found, expected = (np.asarray(layer(VECTORS, mask=MASK)) for layer in (fused, reference))
    inside = MASK[:, ::-1] if go_backwards else MASK
    assert found[inside] == pytest.approx(expected[inside], abs=1e-6)


def test_large_weights_are_not_clipped() -> None:
    fused, reference = two_layers()
    for layer in (fused, reference):
        layer.cell.bias.assign(np.repeat([20.0, 20.0, 1.0, 20.0], 5))  # the memory grows by nearly one a step
    assert np.asarray(fused(VECTORS * 0.1)) == pytest.approx(np.asarray(reference(VECTORS * 0.1)), abs=1e-6)


def test_input_dropout_is_that_of_keras_and_acts_in_training_only() -> None:
    fused, reference = two_layers(dropout=0.5, return_sequences=True)
    plain, _ = two_layers(return_sequences=True)
    assert np.asarray(fused(VECTORS, training=False)).tolist() == np.asarray(plain(VECTORS)).tolist()
    dropped = np.asarray(fused(VECTORS, training=True))
    assert dropped == pytest.approx(np.asarray(reference(VECTORS, training=True)), abs=1e-6)
    assert np.abs(dropped - np.asarray(plain(VECTORS))).max() > 0.1


def test_every_call_in_training_drops_others() -> None:
    fused, _ = two_layers(dropout=0.5)
    assert np.abs(np.asarray(fused(VECTORS, training=True)) - np.asarray(fused(VECTORS, training=True))).max() > 0.1


def test_dropout_drops_the_same_components_of_all_of_a_texts_words() -> None:
    fused, _ = two_layers(dropout=0.5, return_sequences=True)
    fused.cell.recurrent_kernel.assign(np.zeros((5, 20)))
    fused.cell.bias.assign(np.repeat([0.0, -100.0, 0.0, 0.0], 5))  # nothing is remembered: a step shows its word alone
    outputs = np.asarray(fused(np.ones((10, 8, 6), np.float32), training=True))
    assert np.abs(outputs - outputs[:, :1]).max() < 1e-6
    assert len(np.unique(outputs[:, 0], axis=0)) > 5


def test_recurrent_dropout_is_refused() -> None:
    with pytest.raises(ValueError, match="recurrent dropout"):
        FusedLstm(5, recurrent_dropout=0.5)


@pytest.mark.parametrize("name", ["imdb-b", "reviews"])
def test_a_saved_network_keeps_its_fused_layers(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    model = build(FUSIBLE[name], 9, classes=2)
    model.save(path)
    loaded = keras.models.load_model(path, safe_mode=True)
    assert np.asarray(loaded(IDS)).tolist() == np.asarray(model(IDS)).tolist()
