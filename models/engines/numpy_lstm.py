"""One LSTM, in NumPy: on batches faster than ONNX Runtime by a third to a half, and as exact.

A vocabulary is small enough to multiply every word's vector with the LSTM's input weights once, when the model is
loaded. What is left of a time step is a row of that table, one product with the recurrent weights, and the gates. Texts
are sorted by length, longest first, so that a step touches only texts that are still going on, and nothing is padded.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import UNCHECKED, Records
from models.engines.onnx import OnnxRuntimeEngine
from models.engines.weights import LAST, MAXIMUM, MEAN, WEIGHTS_FILE, LstmShape, Weights, read_weights
from models.engines.word_pairs import sum_pairs
from models.text import Tokens
from models.timing import YieldCpu, never_yield

BLOCK_TEXTS = 256  # as many as keep a step's gates in the cache
FOLDED_WORDS = 2_048  # at a time: in double precision, all of them would take a hundred megabytes
SMALL_BATCH_TEXTS = 64  # below this a step's fixed cost weighs more than its sums, and ONNX Runtime is faster

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


class LstmEngine:
    """Texts of a batch side by side, one time step after the other; small batches go to ONNX Runtime."""

    name = "numpy"

    def __init__(
        self,
        directory: Path,
        shape: LstmShape,
        small_batches: OnnxRuntimeEngine,
        yield_cpu: YieldCpu = never_yield,
        records: Records = UNCHECKED,
    ) -> None:
        weights = read_weights(directory / WEIGHTS_FILE, shape, records)
        yield_cpu()
        self._small_batches = small_batches
        self._forward = _Direction(weights, "", yield_cpu)
        self._backward = _Direction(weights, "backward_", yield_cpu) if shape.bidirectional else None
        self._pooling = shape.pooling
        names = [f"hidden_{number}" for number in range(1, shape.hidden_layers + 1)]
        self._hidden = [(weights[f"{name}_kernel"], weights[f"{name}_bias"]) for name in names]
        self._output = weights["output_kernel"], weights["output_bias"]
        self._pairs = weights["pairs"].astype(np.float32) if shape.word_pairs else None

    def infer(self, tokens: Tokens) -> tuple[Floats, int]:
        if len(tokens) < SMALL_BATCH_TEXTS:
            return self._small_batches.infer(tokens)
        order = np.argsort(-tokens.lengths, kind="stable")
        starts, lengths = tokens.starts[order], tokens.lengths[order]
        ids = tokens.ids.astype(np.intp)
        indices = range(0, len(tokens), BLOCK_TEXTS)
        blocks = [slice(index, index + BLOCK_TEXTS) for index in indices]
        features = np.concatenate([self._run_block(ids, starts[block], lengths[block]) for block in blocks])
        logits = np.empty((len(tokens), len(self._output[1])), np.float32)
        logits[order] = self._run_last_layers(features)
        if self._pairs is not None:
            logits += sum_pairs(tokens, self._pairs)
        return _decide(logits), tokens.tokens

    def _run_block(self, ids: Indices, starts: Indices, lengths: NDArray[np.int32]) -> Floats:
        """The pooled outputs, (texts, features), of texts sorted by length, longest first."""
        pooled = [self._forward.run(ids, starts, 1, lengths, MEAN in self._pooling)]
        if self._backward:
            pooled.append(self._backward.run(ids, starts + lengths - 1, -1, lengths, MEAN in self._pooling))
        return np.concatenate([each[name] for name in self._pooling for each in pooled], axis=1)

    def _run_last_layers(self, features: Floats) -> Floats:
        """(texts, features) -> logits (texts, outputs)."""
        for kernel, bias in self._hidden:
            features = np.maximum(features @ kernel + bias, 0)
        return features @ self._output[0] + self._output[1]


def _decide(logits: Floats) -> Floats:
    """(texts, outputs) -> probabilities (texts, classes)."""
    if logits.shape[1] == 1:
        second = 0.5 * np.tanh(0.5 * logits) + 0.5
        return np.concatenate([1 - second, second], axis=1, dtype=np.float32)
    shares: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


class _Direction:
    """The LSTM over texts from one of their ends to the other."""

    def __init__(self, weights: Weights, prefix: str, yield_cpu: YieldCpu) -> None:
        kernel, recurrent, bias = (weights[prefix + name] for name in ("kernel", "recurrent", "bias"))
        self._units = recurrent.shape[0]
        self._table, self._recurrent = _fold(weights["embedding"], kernel, recurrent, bias, yield_cpu)

    def run(
        self, ids: Indices, indices: Indices, stride: int, lengths: NDArray[np.int32], with_mean: bool
    ) -> dict[str, Floats]:
        """Each kind of pooling over time, (texts, units), for texts sorted by length, longest first.

        `indices` are the first ids' places, `stride` is 1 or -1. Every sigmoid is a half of one plus a tanh of half its
        argument; the halves are in the weights (see `_fold`), so that the gates here are twice their value, and so is
        the output `h`.
        """
        texts, units = len(lengths), self._units
        going_on = np.searchsorted(-lengths, -np.arange(lengths[0]), side="left")  # texts longer than the step
        buffers = np.empty((2, 4 * texts * units), np.float32)
        h, c, total = np.zeros((3, texts, units), np.float32)
        maximum = np.full((texts, units), -np.inf, np.float32)
        indices, before = indices.copy(), 0
        for count in going_on.tolist():
            if count != before:
                gates, rows = buffers[0, : 4 * count * units], buffers[1, : 4 * count * units]
                gates, rows = gates.reshape(4, count, units), rows.reshape(count, 4 * units)
                inputs = rows.reshape(count, 4, units).transpose(1, 0, 2)
                sigmoids, (input_gate, forget_gate, output_gate, candidate) = gates[:3], gates
                output, memory, highest, sums = h[:count], c[:count], maximum[:count], total[:count]
                indices, before = indices[:count], count
            np.take(self._table, ids[indices], axis=0, out=rows, mode="clip")  # the mode that writes without a copy
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
            if with_mean:
                sums += output
            indices += stride
        half = np.float32(0.5)
        return {MAXIMUM: maximum * half, LAST: h * half, MEAN: total * (half / lengths[:, None]).astype(np.float32)}


def _fold(
    embedding: Floats, kernel: Floats, recurrent: Floats, bias: Floats, yield_cpu: YieldCpu
) -> tuple[Floats, Floats]:
    """Keras' weights -> what a step needs, gate by gate (input, forget, output, candidate).

    A table (ids, 4 x units) of every word's share in every gate, bias included, and the recurrent weights (4, units,
    units). Columns of the three sigmoid gates are halved; the recurrent weights are halved once more, because they meet
    twice the LSTM's output.
    """
    units = recurrent.shape[0]
    keras_indices, halves = [0, 1, 3, 2], np.array([0.5, 0.5, 0.5, 1.0])[:, None]
    table = np.empty((len(embedding), 4, units), np.float32)
    exact = kernel.astype(np.float64)
    for start in range(0, len(embedding), FOLDED_WORDS):
        rows = slice(start, start + FOLDED_WORDS)
        inputs = (embedding[rows].astype(np.float64) @ exact + bias).reshape(-1, 4, units)
        table[rows] = inputs[:, keras_indices] * halves
        yield_cpu()
    folded = (recurrent.astype(np.float64).reshape(units, 4, units)[:, keras_indices] * halves * 0.5).transpose(1, 0, 2)
    return table.reshape(-1, 4 * units), np.ascontiguousarray(folded, np.float32)
