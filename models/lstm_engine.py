"""One LSTM with a maximum over time, in NumPy: nearly twice as fast as ONNX Runtime on batches, and as exact.

A vocabulary is small enough to multiply every word's vector with the LSTM's input weights once, when the model is
loaded. What is left of a time step is a row of that table, one product with the recurrent weights, and the gates. Texts
are sorted by length, longest first, so that a step touches only texts that are still going on, and nothing is padded.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import WEIGHTS_FILE, read_weights
from models.errors import BrokenArtifact
from models.onnx_engine import OnnxRuntimeEngine
from models.text import Tokens

NETWORK_KIND = "max_pool_lstm"
BLOCK_TEXTS = 256  # as many as keep a step's gates in the cache
SMALL_BATCH_TEXTS = 64  # below this a step's fixed cost weighs more than its sums, and ONNX Runtime is faster
NEEDED_WEIGHTS = frozenset(
    ["embedding", "kernel", "recurrent", "bias", "hidden_kernel", "hidden_bias", "positive_kernel", "positive_bias"]
)

Floats = NDArray[np.float32]


class LstmEngine:
    """Texts of a batch side by side, one time step after the other; small batches go to ONNX Runtime."""

    name = "numpy"

    def __init__(self, directory: Path, small_batches: OnnxRuntimeEngine) -> None:
        weights = read_weights(directory / WEIGHTS_FILE)
        if missing := sorted(NEEDED_WEIGHTS - set(weights)):
            raise BrokenArtifact(f"{directory / WEIGHTS_FILE} lacks weights: {', '.join(missing)}.")
        self._small_batches = small_batches
        self._units = weights["recurrent"].shape[0]
        self._table, self._recurrent = _fold(weights)
        self._hidden = weights["hidden_kernel"], weights["hidden_bias"]
        self._positive = weights["positive_kernel"], weights["positive_bias"]

    def infer(self, tokens: Tokens) -> tuple[Floats, int]:
        if len(tokens) < SMALL_BATCH_TEXTS:
            return self._small_batches.infer(tokens)
        order = np.argsort(-tokens.lengths, kind="stable")
        starts, lengths = tokens.starts[order], tokens.lengths[order]
        ids = tokens.ids.astype(np.intp)
        maximum = np.empty((len(tokens), self._units), np.float32)
        for place in range(0, len(tokens), BLOCK_TEXTS):
            block = slice(place, place + BLOCK_TEXTS)
            maximum[block] = self._run_block(ids, starts[block], lengths[block])
        probabilities = np.empty((len(tokens), 2), np.float32)
        probabilities[order] = self._decide(maximum)
        return probabilities, tokens.tokens

    def _run_block(self, ids: NDArray[np.intp], starts: NDArray[np.intp], lengths: NDArray[np.int32]) -> Floats:
        """The maximum over time of the LSTM's output, (texts, units), for texts sorted by length, longest first.

        Every sigmoid is a half of one plus a tanh of half its argument; the halves are in the weights (see `_fold`), so
        that the gates here are twice their value, and so is the output `h`.
        """
        texts, units = len(lengths), self._units
        going_on = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")  # texts longer than the step
        buffers = np.empty((2, 4 * texts * units), np.float32)
        h, c = np.zeros((2, texts, units), np.float32)
        maximum = np.full((texts, units), -np.inf, np.float32)
        places, before = starts.copy(), 0
        for count in going_on.tolist():
            if count != before:
                gates, rows = buffers[0, : 4 * count * units], buffers[1, : 4 * count * units]
                gates, rows = gates.reshape(4, count, units), rows.reshape(count, 4 * units)
                inputs = rows.reshape(count, 4, units).transpose(1, 0, 2)
                sigmoids, (input_gate, forget_gate, output_gate, candidate) = gates[:3], gates
                output, memory, highest = h[:count], c[:count], maximum[:count]
                places, before = places[:count], count
            np.take(self._table, ids[places], axis=0, out=rows, mode="clip")  # the mode that writes without a copy
            np.matmul(output, self._recurrent, out=gates)
            gates += inputs
            np.tanh(gates, out=gates)
            sigmoids += 1
            memory *= forget_gate
            candidate *= input_gate
            memory += candidate
            memory *= 0.5
            np.tanh(memory, out=output)
            output *= output_gate
            np.maximum(highest, output, out=highest)
            places += 1
        return maximum * np.float32(0.5)

    def _decide(self, maximum: Floats) -> Floats:
        """(texts, units) -> probabilities (texts, 2), negative first."""
        hidden = np.maximum(maximum @ self._hidden[0] + self._hidden[1], 0)
        logits = hidden @ self._positive[0] + self._positive[1]
        positive = 0.5 * np.tanh(0.5 * logits) + 0.5
        return np.concatenate([1 - positive, positive], axis=1, dtype=np.float32)


def _fold(weights: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Keras' weights -> what a step needs, gate by gate (input, forget, output, candidate).

    A table (ids, 4 x units) of every word's share in every gate, bias included, and the recurrent weights (4, units,
    units). Columns of the three sigmoid gates are halved; the recurrent weights are halved once more, because they meet
    twice the LSTM's output.
    """
    kernel, recurrent, bias = (weights[name].astype(np.float64) for name in ("kernel", "recurrent", "bias"))
    units = recurrent.shape[0]
    inputs = (weights["embedding"] @ kernel + bias).reshape(-1, 4, units)
    keras_places, halves = [0, 1, 3, 2], np.array([0.5, 0.5, 0.5, 1.0])[:, None]
    table = (inputs[:, keras_places] * halves).reshape(-1, 4 * units)
    folded = (recurrent.reshape(units, 4, units)[:, keras_places] * halves * 0.5).transpose(1, 0, 2)
    return np.ascontiguousarray(table, np.float32), np.ascontiguousarray(folded, np.float32)
