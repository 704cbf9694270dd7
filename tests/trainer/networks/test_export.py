from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from models.engines.numpy_lstm import LstmEngine
from models.engines.onnx import OnnxRuntimeEngine
from models.engines.padding import pad
from models.engines.weights import WEIGHTS_FILE, LstmShape, write_weights
from models.text import Tokens
from tests.trainer.miniatures import IDS, NETWORKS, random_tokens, random_weights
from trainer.networks.export import IR_VERSION, OPSET, export_onnx, named_weights, reorder_gates, set_named_weights
from trainer.networks.fused_lstm import FusedLstm
from trainer.networks.networks import LstmNetwork, build

TOKENS = random_tokens(100)


def keras_network(network: LstmNetwork, classes: int, lstm_layer: Any = FusedLstm) -> keras.Model:
    model = build(network, IDS, classes, lstm_layer)
    set_named_weights(model, random_weights(network, classes))
    return model


def keras_probabilities(model: keras.Model, tokens: Tokens) -> NDArray[np.float32]:
    output = np.asarray(model(pad(tokens, np.arange(len(tokens)))))
    return np.concatenate([1 - output, output], axis=1) if output.shape[1] == 1 else output


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("precision", [np.float32, np.float16])
def test_keras_onnx_runtime_and_numpy_agree(tmp_path: Path, name: str, classes: int, precision: Any) -> None:
    network, model = NETWORKS[name], keras_network(NETWORKS[name], classes)
    weights = named_weights(model)
    weights["embedding"] = weights["embedding"].astype(precision)
    set_named_weights(model, weights)
    export_onnx(network, weights, tmp_path / "model.onnx")
    write_weights(tmp_path / WEIGHTS_FILE, weights)
    onnx_runtime, shape = OnnxRuntimeEngine(tmp_path, threads=1), LstmShape.of(network.to_json())
    assert shape is not None
    expected = keras_probabilities(model, TOKENS)
    assert np.ptp(expected, axis=0).min() > 0.05  # texts are told apart
    for engine in (onnx_runtime, LstmEngine(tmp_path, shape, onnx_runtime)):
        assert np.abs(engine.infer(TOKENS)[0] - expected).max() < 1e-6, engine.name


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("lstm_layer", [FusedLstm, keras.layers.LSTM])
def test_named_weights_go_into_a_network_and_come_out_again(name: str, lstm_layer: Any) -> None:
    given = random_weights(NETWORKS[name], classes=3)
    taken = named_weights(keras_network(NETWORKS[name], 3, lstm_layer))
    assert {key: values.tolist() for key, values in taken.items()} == {key: given[key].tolist() for key in given}


def test_the_names_are_those_that_the_shape_tells() -> None:
    for network in NETWORKS.values():
        shape = LstmShape.of(network.to_json())
        assert shape is not None
        assert set(named_weights(build(network, IDS, classes=2))) == shape.weight_names()


@pytest.mark.parametrize("name", ["imdb-b", "imdb-c", "reviews"])
def test_padding_and_neighbours_change_nothing_in_the_exported_network(tmp_path: Path, name: str) -> None:
    export_onnx(NETWORKS[name], random_weights(NETWORKS[name]), tmp_path / "model.onnx")
    engine = OnnxRuntimeEngine(tmp_path, threads=1)
    ids = np.int32([2, 3, 4])
    alone = Tokens(ids, np.int32([3]), np.ones(1, np.float32))
    beside = Tokens(
        np.concatenate([ids, np.arange(90) % IDS]).astype(np.int32), np.int32([3, 90]), np.ones(2, np.float32)
    )
    assert np.abs(engine.infer(alone)[0] - engine.infer(beside)[0][:1]).max() < 1e-6


@pytest.mark.parametrize("name", NETWORKS)
def test_the_exported_network_has_one_fast_operator_and_is_readable_for_old_runtimes(tmp_path: Path, name: str) -> None:
    export_onnx(NETWORKS[name], random_weights(NETWORKS[name]), tmp_path / "model.onnx")
    network = onnx.load(tmp_path / "model.onnx")
    operators = [node.op_type for node in network.graph.node]
    assert operators.count("LSTM") == 1
    assert not {"Loop", "Scan", "If"} & set(operators)
    assert (network.ir_version, network.opset_import[0].version) == (IR_VERSION, OPSET)


def test_a_half_precision_embedding_stays_half_as_large_in_the_file(tmp_path: Path) -> None:
    weights = random_weights(NETWORKS["reviews"])
    stored = weights | {"embedding": weights["embedding"].astype(np.float16)}
    export_onnx(NETWORKS["reviews"], weights, tmp_path / "whole.onnx")
    export_onnx(NETWORKS["reviews"], stored, tmp_path / "half.onnx")
    saved = (tmp_path / "whole.onnx").stat().st_size - (tmp_path / "half.onnx").stat().st_size
    assert saved == pytest.approx(weights["embedding"].nbytes / 2, abs=8)


def test_gates_are_reordered_from_keras_to_onnx() -> None:
    weights = np.array([[1, 2, 3, 4]], np.float32)  # input, forget, cell, output
    assert reorder_gates(weights).tolist() == [[1, 4, 2, 3]]
