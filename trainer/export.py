"""Keras weights to ONNX, with its LSTM operator: Keras' own export makes a slow loop of an LSTM with a mask."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 13  # the oldest with ReduceMax, Squeeze and LSTM as used here; old runtimes and other engines read it
IR_VERSION = 8
LOWEST = -1e9
_KERAS_GATES, _ONNX_GATES = "ifco", "iofc"


def export_onnx(model: Any, path: Path) -> None:
    """Writes a network built by `networks.build` as ONNX.

    Inputs: `ids` int32 (batch, steps), padded on the right; `lengths` int32 (batch,), at least 1. Output:
    `probabilities` float32 (batch, 2), negative first. Steps past a text's length take no part in the maximum.
    """
    weights = _initialisers(model)
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch", "steps"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])]
    nodes = [*_lstm_nodes(int(model.get_layer("lstm").units)), *_mask_nodes(), *_decision_nodes()]
    graph = helper.make_graph(nodes, model.name, inputs, outputs, weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="kafka-sentiment")
    proto.ir_version = IR_VERSION
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString())


def named_weights(model: Any) -> dict[str, NDArray[np.float32]]:
    """The weights of a network built by `networks.build`, in Keras' layout, by the names that engines know."""
    names = {
        "embedding": ("embedding",),
        "lstm": ("kernel", "recurrent", "bias"),
        "hidden": ("hidden_kernel", "hidden_bias"),
        "positive": ("positive_kernel", "positive_bias"),
    }
    pairs = [zip(names[layer], model.get_layer(layer).get_weights(), strict=True) for layer in names]
    return dict(chain.from_iterable(pairs))


def _initialisers(model: Any) -> list[TensorProto]:
    weights = named_weights(model)
    bias = reorder_gates(weights["bias"][None])
    arrays = weights | {
        "kernel": reorder_gates(weights["kernel"]).T[None],
        "recurrent": reorder_gates(weights["recurrent"]).T[None],
        "bias": np.concatenate([bias, np.zeros_like(bias)], axis=1),
        "lowest": np.array(LOWEST, np.float32),
        "one": np.array(1, np.float32),
        "zero_index": np.array(0, np.int32),
        "one_index": np.array(1, np.int32),
        "axis_1": np.array([1], np.int64),
        "axis_2": np.array([2], np.int64),
    }
    return [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()]


def reorder_gates(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, 4 x units), from Keras' order of gates (input, forget, cell, output) to ONNX' (i, o, f, c)."""
    gates = dict(zip(_KERAS_GATES, np.split(weights, 4, axis=1), strict=True))
    return np.concatenate([gates[gate] for gate in _ONNX_GATES], axis=1)


def _lstm_nodes(units: int) -> list[Any]:
    node = helper.make_node
    return [
        node("Transpose", ["ids"], ["ids_by_step"], perm=[1, 0]),
        node("Gather", ["embedding", "ids_by_step"], ["vectors"]),
        node("LSTM", ["vectors", "kernel", "recurrent", "bias", "lengths"], ["directions"], hidden_size=units),
        node("Squeeze", ["directions", "axis_1"], ["steps"]),
    ]


def _mask_nodes() -> list[Any]:
    """The maximum over the steps below a text's length; the operator leaves zeros in the steps past it."""
    node = helper.make_node
    return [
        node("Shape", ["ids_by_step"], ["shape"]),
        node("Cast", ["shape"], ["shape_32"], to=TensorProto.INT32),
        node("Gather", ["shape_32", "zero_index"], ["step_count"]),
        node("Range", ["zero_index", "step_count", "one_index"], ["step_numbers"]),
        node("Unsqueeze", ["step_numbers", "axis_1"], ["step_column"]),
        node("Less", ["step_column", "lengths"], ["inside"]),
        node("Unsqueeze", ["inside", "axis_2"], ["inside_units"]),
        node("Where", ["inside_units", "steps", "lowest"], ["masked"]),
        node("ReduceMax", ["masked"], ["maximum"], axes=[0], keepdims=0),
    ]


def _decision_nodes() -> list[Any]:
    node = helper.make_node
    return [
        node("Gemm", ["maximum", "hidden_kernel", "hidden_bias"], ["hidden_sum"]),
        node("Relu", ["hidden_sum"], ["hidden"]),
        node("Gemm", ["hidden", "positive_kernel", "positive_bias"], ["logit"]),
        node("Sigmoid", ["logit"], ["positive"]),
        node("Sub", ["one", "positive"], ["negative"]),
        node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    ]
