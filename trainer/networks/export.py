"""Keras weights to ONNX, with its LSTM operator: Keras' own export makes a slow loop of an LSTM with a mask."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.engines.weights import LAST, MAXIMUM, MEAN, Weights
from models.engines.word_pairs import LEFT_FACTOR, RIGHT_FACTOR
from trainer.networks.networks import LstmNetwork, directions

OPSET = 13  # the oldest with ReduceMax, Squeeze and LSTM as used here; old runtimes and other engines read it
IR_VERSION = 8
LOWEST = -1e9
_KERAS_GATES, _ONNX_GATES = "ifco", "iofc"


def named_weights(model: Any) -> Weights:
    """The weights of a network built by `networks.build`, by the names that `models.engines.weights` tells."""
    named = {"embedding": model.get_layer("embedding").get_weights()[0]}
    for prefix, layer in zip(("", "backward_"), directions(model), strict=False):
        names = (f"{prefix}kernel", f"{prefix}recurrent", f"{prefix}bias")
        named |= dict(zip(names, layer.get_weights()[:3], strict=True))  # after them comes the state of dropout
    if _has_pairs(model):
        named["pairs"] = model.get_layer("word_pairs").get_weights()[0]
    for layer in _dense_layers(model):
        named |= dict(zip((f"{layer.name}_kernel", f"{layer.name}_bias"), layer.get_weights(), strict=True))
    return named


def set_named_weights(model: Any, named: Weights) -> None:
    """Gives a network built by `networks.build` the weights that `named_weights` read."""
    model.get_layer("embedding").embeddings.assign(named["embedding"])
    for prefix, layer in zip(("", "backward_"), directions(model), strict=False):
        cell = layer.cell
        for name, variable in (("kernel", cell.kernel), ("recurrent", cell.recurrent_kernel), ("bias", cell.bias)):
            variable.assign(named[prefix + name])
    if _has_pairs(model):
        model.get_layer("word_pairs").set_weights([named["pairs"]])
    for layer in _dense_layers(model):
        layer.set_weights([named[f"{layer.name}_kernel"], named[f"{layer.name}_bias"]])


def _has_pairs(model: Any) -> bool:
    return any(layer.name == "word_pairs" for layer in model.layers)


def _dense_layers(model: Any) -> list[Any]:
    return [
        layer
        for layer in model.layers
        if layer.name == "output" or (layer.name.startswith("hidden_") and layer.count_params())
    ]


def export_onnx(network: LstmNetwork, weights: Weights, path: Path) -> None:
    """Writes a network with the weights that `named_weights` gives as ONNX.

    Inputs: `ids` int32 (batch, steps), padded on the right; `lengths` int32 (batch,), at least 1. Output:
    `probabilities` float32 (batch, classes). Steps past a text's length take no part in any result.
    """
    classes = max(2, len(weights["output_bias"]))
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch", "steps"]),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
    ]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes])]
    nodes = [
        *_lstm_nodes(network),
        *_pooling_nodes(network),
        *_hidden_nodes(len(network.hidden_units)),
        *(_pair_nodes() if network.pair_buckets else ()),
        *_decision_nodes("both_parts" if network.pair_buckets else "logits", classes),
    ]
    graph = helper.make_graph(nodes, "lstm_network", inputs, outputs, _initialisers(network, weights))
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="kafka-sentiment")
    proto.ir_version = IR_VERSION
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString())


def _initialisers(network: LstmNetwork, weights: Weights) -> list[TensorProto]:
    prefixes = ("", "backward_") if network.bidirectional else ("",)
    biases = [reorder_gates(weights[f"{prefix}bias"][None])[0] for prefix in prefixes]
    arrays = {
        name: values for name, values in weights.items() if name.startswith(("embedding", "pairs", "hidden", "output"))
    }
    arrays |= {
        "kernel": np.stack([reorder_gates(weights[f"{prefix}kernel"]).T for prefix in prefixes]),
        "recurrent": np.stack([reorder_gates(weights[f"{prefix}recurrent"]).T for prefix in prefixes]),
        "bias": np.stack([np.concatenate([bias, np.zeros_like(bias)]) for bias in biases]),
        "lowest": np.array(LOWEST, np.float32),
        "one": np.array(1, np.float32),
        "zero_index": np.array(0, np.int32),
        "one_index": np.array(1, np.int32),
        "axis_0": np.array([0], np.int64),
        "axis_1": np.array([1], np.int64),
        "axis_2": np.array([2], np.int64),
        "left_factor": np.array(LEFT_FACTOR, np.int64),
        "right_factor": np.array(RIGHT_FACTOR, np.int64),
        "buckets": np.array(max(network.pair_buckets, 1), np.int64),
        "one_more_step": np.array([0, 0, 0, 1], np.int64),
        "last_step": np.array([np.iinfo(np.int64).max], np.int64),
        "step_shape": np.array([0, 0, -1], np.int64),
        "text_shape": np.array([0, -1], np.int64),
    }
    return [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()]


def reorder_gates(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """(rows, 4 x units), from Keras' order of gates (input, forget, cell, output) to ONNX' (i, o, f, c)."""
    gates = dict(zip(_KERAS_GATES, np.split(weights, 4, axis=1), strict=True))
    return np.concatenate([gates[gate] for gate in _ONNX_GATES], axis=1)


def _lstm_nodes(network: LstmNetwork) -> list[Any]:
    """Outputs `steps` (steps, batch, features) and `last` (batch, features), both directions side by side."""
    node = helper.make_node
    direction = "bidirectional" if network.bidirectional else "forward"
    lstm = {"hidden_size": network.lstm_units, "direction": direction}
    return [
        node("Transpose", ["ids"], ["ids_by_step"], perm=[1, 0]),
        node("Gather", ["embedding", "ids_by_step"], ["stored_vectors"]),
        node("Cast", ["stored_vectors"], ["vectors"], to=TensorProto.FLOAT),
        node("LSTM", ["vectors", "kernel", "recurrent", "bias", "lengths"], ["outputs", "states"], **lstm),
        node("Transpose", ["outputs"], ["outputs_by_text"], perm=[0, 2, 1, 3]),
        node("Reshape", ["outputs_by_text", "step_shape"], ["steps"]),
        node("Transpose", ["states"], ["states_by_text"], perm=[1, 0, 2]),
        node("Reshape", ["states_by_text", "text_shape"], [LAST]),
    ]


def _pooling_nodes(network: LstmNetwork) -> list[Any]:
    """Over the steps below a text's length; the operator leaves zeros in the steps past it."""
    node = helper.make_node
    maximum = [
        node("Shape", ["ids_by_step"], ["shape"]),
        node("Cast", ["shape"], ["shape_32"], to=TensorProto.INT32),
        node("Gather", ["shape_32", "zero_index"], ["step_count"]),
        node("Range", ["zero_index", "step_count", "one_index"], ["step_numbers"]),
        node("Unsqueeze", ["step_numbers", "axis_1"], ["step_column"]),
        node("Less", ["step_column", "lengths"], ["inside"]),
        node("Unsqueeze", ["inside", "axis_2"], ["inside_units"]),
        node("Where", ["inside_units", "steps", "lowest"], ["masked"]),
        node("ReduceMax", ["masked"], [MAXIMUM], axes=[0], keepdims=0),
    ]
    mean = [
        node("ReduceSum", ["steps", "axis_0"], ["sum"], keepdims=0),
        node("Cast", ["lengths"], ["float_lengths"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["float_lengths", "axis_1"], ["divisors"]),
        node("Div", ["sum", "divisors"], [MEAN]),
    ]
    nodes = {MAXIMUM: maximum, MEAN: mean, LAST: []}
    joined = node("Concat", list(network.pooling), ["pooled"], axis=1)
    return [*(each for name in network.pooling for each in nodes[name]), joined]


def _hidden_nodes(hidden_layers: int) -> list[Any]:
    node = helper.make_node
    nodes, features = [], "pooled"
    for number in range(1, hidden_layers + 1):
        name = f"hidden_{number}"
        nodes.append(node("Gemm", [features, f"{name}_kernel", f"{name}_bias"], [f"{name}_sum"]))
        nodes.append(node("Relu", [f"{name}_sum"], [name]))
        features = name
    return [*nodes, node("Gemm", [features, "output_kernel", "output_bias"], ["logits"])]


def _pair_nodes() -> list[Any]:
    """`both_parts` (batch, outputs): the logits and the linear part (see models.engines.word_pairs)."""
    node = helper.make_node

    def summed(numbers: str, present: str, name: str) -> list[Any]:
        return [
            node("Mod", [numbers, "buckets"], [f"{name}_places"]),
            node("Gather", ["pairs", f"{name}_places"], [f"{name}_stored"]),
            node("Cast", [f"{name}_stored"], [f"{name}_weights"], to=TensorProto.FLOAT),
            node("Cast", [present], [f"{name}_there"], to=TensorProto.BOOL),
            node("Cast", [f"{name}_there"], [f"{name}_share"], to=TensorProto.FLOAT),
            node("Unsqueeze", [f"{name}_share", "axis_2"], [f"{name}_shares"]),
            node("Mul", [f"{name}_weights", f"{name}_shares"], [f"{name}_kept"]),
            node("ReduceSum", [f"{name}_kept", "axis_1"], [f"{name}_sum"], keepdims=0),
        ]

    return [
        node("Cast", ["ids"], ["words"], to=TensorProto.INT64),
        node("Pad", ["words", "one_more_step"], ["words_and_end"]),
        node("Slice", ["words_and_end", "axis_1", "last_step", "axis_1"], ["following"]),
        node("Mul", ["words", "left_factor"], ["lefts"]),
        node("Mul", ["following", "right_factor"], ["rights"]),
        node("Add", ["lefts", "rights"], ["neighbours"]),
        *summed("lefts", "words", "word"),
        *summed("neighbours", "following", "pair"),
        node("Add", ["word_sum", "pair_sum"], ["linear_sum"]),
        node("Cast", ["lengths"], ["word_counts"], to=TensorProto.FLOAT),
        node("Sqrt", ["word_counts"], ["roots"]),
        node("Unsqueeze", ["roots", "axis_1"], ["root_column"]),
        node("Div", ["linear_sum", "root_column"], ["linear"]),
        node("Add", ["logits", "linear"], ["both_parts"]),
    ]


def _decision_nodes(logits: str, classes: int) -> list[Any]:
    node = helper.make_node
    if classes > 2:
        return [node("Softmax", [logits], ["probabilities"], axis=1)]
    return [
        node("Sigmoid", [logits], ["second"]),
        node("Sub", ["one", "second"], ["first"]),
        node("Concat", ["first", "second"], ["probabilities"], axis=1),
    ]
