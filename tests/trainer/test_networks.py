from pathlib import Path

import keras
import numpy as np
import pytest

from models.engines import load_engine
from trainer.export import export_onnx, reorder_gates
from trainer.networks import MaskedMaxPooling1D, MaxPoolLstm, build

# Keras hands TensorFlow's variables to NumPy in a way that NumPy is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)

SMALL = MaxPoolLstm(embedding_units=5, lstm_units=3, hidden_units=4)
IDS = np.array([[2, 3, 4, 0, 0], [5, 6, 2, 3, 4], [1, 0, 0, 0, 0]], np.int32)
LENGTHS = np.array([3, 5, 1], np.int32)


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
    probabilities = load_engine("onnxruntime", tmp_path, threads=1).run(IDS, LENGTHS)
    positive = np.asarray(network(IDS))
    assert probabilities == pytest.approx(np.concatenate([1 - positive, positive], axis=1), abs=1e-6)


def test_a_saved_network_loads_without_pickle_and_scores_the_same(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.asarray(loaded(IDS)).tolist() == np.asarray(network(IDS)).tolist()


def test_gates_are_reordered_from_keras_to_onnx() -> None:
    weights = np.array([[1, 2, 3, 4]], np.float32)  # input, forget, cell, output
    assert reorder_gates(weights).tolist() == [[1, 4, 2, 3]]
