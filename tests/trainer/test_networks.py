from pathlib import Path

import keras
import numpy as np
import pytest

from models.artifact import write_weights
from models.lstm_engine import LstmEngine
from models.onnx_engine import OnnxRuntimeEngine
from models.text import Tokens
from trainer.export import export_onnx, named_weights, reorder_gates
from trainer.networks import MaskedMaxPooling1D, MaxPoolLstm, build

# Keras hands TensorFlow's variables to NumPy in a way that NumPy is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SMALL = MaxPoolLstm(embedding_units=5, lstm_units=3, hidden_units=4)
IDS = np.array([[2, 3, 4, 0, 0], [5, 6, 2, 3, 4], [1, 0, 0, 0, 0]], np.int32)
LENGTHS = np.array([3, 5, 1], np.int32)
TOKENS = Tokens(IDS[IDS > 0], LENGTHS, np.ones(3, np.float32))
MANY_TOKENS = Tokens(np.tile(TOKENS.ids, 100), np.tile(LENGTHS, 100), np.ones(300, np.float32))


@pytest.fixture
def network() -> keras.Model:
    keras.utils.set_random_seed(7)
    network = build(SMALL, id_count=8)
    for weight in network.weights:  # far from their start, so that a wrong order of gates or a lost bias shows
        weight.assign(weight + keras.random.normal(weight.shape))
    return network


def test_padding_takes_no_part_in_the_maximum() -> None:
    steps = np.array([[[-3.0], [-2.0], [5.0]]], np.float32)
    mask = np.array([[True, True, False]])
    assert np.asarray(MaskedMaxPooling1D()(steps, mask=mask)).tolist() == [[-2.0]]
    assert np.asarray(MaskedMaxPooling1D()(steps)).tolist() == [[5.0]]


def test_padding_does_not_change_a_score(network: keras.Model) -> None:
    alone = np.concatenate(
        [np.asarray(network(IDS[place : place + 1, :length])) for place, length in enumerate(LENGTHS)]
    )
    assert np.asarray(network(IDS)) == pytest.approx(alone, abs=1e-6)


def test_the_exported_network_gives_what_keras_gives(network: keras.Model, tmp_path: Path) -> None:
    export_onnx(network, tmp_path / "model.onnx")
    probabilities, _ = OnnxRuntimeEngine(tmp_path, threads=1).infer(TOKENS)
    assert probabilities[:, 1:] == pytest.approx(np.asarray(network(IDS)), abs=1e-6)


def test_the_numpy_engine_gives_what_keras_gives(network: keras.Model, tmp_path: Path) -> None:
    export_onnx(network, tmp_path / "model.onnx")
    write_weights(tmp_path / "weights.npz", named_weights(network))
    engine = LstmEngine(tmp_path, OnnxRuntimeEngine(tmp_path, threads=1))
    probabilities, computed = engine.infer(MANY_TOKENS)
    assert probabilities[:, 1:] == pytest.approx(np.tile(np.asarray(network(IDS)), (100, 1)), abs=1e-6)
    assert computed == MANY_TOKENS.tokens


def test_a_saved_network_loads_without_pickle_and_scores_the_same(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.asarray(loaded(IDS)).tolist() == np.asarray(network(IDS)).tolist()


def test_gates_are_reordered_from_keras_to_onnx() -> None:
    weights = np.array([[1, 2, 3, 4]], np.float32)  # input, forget, cell, output
    assert reorder_gates(weights).tolist() == [[1, 4, 2, 3]]
