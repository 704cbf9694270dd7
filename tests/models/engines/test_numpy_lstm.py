import itertools
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.engines.numpy_lstm import BLOCK_TEXTS, SMALL_BATCH_TEXTS, LstmEngine
from models.engines.onnx import OnnxRuntimeEngine
from models.engines.weights import LAST, MAXIMUM, MEAN, WEIGHTS_FILE, LstmShape, Weights, write_weights
from models.text import Tokens
from tests.trainer.miniatures import NETWORKS, random_tokens, random_weights
from trainer.networks.export import export_onnx

Floats = NDArray[np.float64]
TEXTS = 2 * BLOCK_TEXTS + 3


def sigmoid(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-values))


def plain_lstm(vectors: Floats, weights: Weights, prefix: str) -> Floats:
    """Every step's output, (steps, units), as the equations have it (Hochreiter and Schmidhuber, 1997; Gers, 2000)."""
    kernel, recurrent, bias = (weights[prefix + name].astype(np.float64) for name in ("kernel", "recurrent", "bias"))
    output = memory = np.zeros(len(recurrent))
    outputs = []
    for vector in vectors:
        inputs, forget, candidate, kept = np.split(vector @ kernel + output @ recurrent + bias, 4)
        memory = sigmoid(forget) * memory + sigmoid(inputs) * np.tanh(candidate)
        output = sigmoid(kept) * np.tanh(memory)
        outputs.append(output)
    return np.array(outputs)


def plain_probabilities(ids: NDArray[np.int32], shape: LstmShape, weights: Weights) -> Floats:
    """One text's, (classes,)."""
    vectors = weights["embedding"][ids].astype(np.float64)
    runs = [plain_lstm(vectors, weights, "")]
    if shape.bidirectional:
        runs.append(plain_lstm(vectors[::-1], weights, "backward_"))
    pools = {MAXIMUM: lambda run: run.max(axis=0), MEAN: lambda run: run.mean(axis=0), LAST: lambda run: run[-1]}
    features = np.concatenate([pools[name](run) for name in shape.pooling for run in runs])
    for layer in range(1, shape.hidden_layers + 1):
        features = np.maximum(features @ weights[f"hidden_{layer}_kernel"] + weights[f"hidden_{layer}_bias"], 0)
    logits = features @ weights["output_kernel"] + weights["output_bias"]
    if shape.word_pairs:
        logits = logits + plain_pairs(ids, weights["pairs"])
    if len(logits) == 1:
        return np.array([1 - sigmoid(logits)[0], sigmoid(logits)[0]])
    return np.exp(logits) / np.exp(logits).sum()


def plain_pairs(ids: NDArray[np.int32], pairs: Floats) -> Floats:
    """The weights of a text's words and of its pairs of neighbours, over the root of its length: (outputs,)."""
    numbers = [word * 7_919 for word in ids.tolist()]
    numbers += [left * 7_919 + right * 104_729 for left, right in itertools.pairwise(ids.tolist())]
    return sum(pairs[number % len(pairs)].astype(np.float64) for number in numbers) / np.sqrt(len(ids))


def plain_batch(tokens: Tokens, shape: LstmShape, weights: Weights) -> Floats:
    texts = np.split(tokens.ids, tokens.starts[1:])
    return np.array([plain_probabilities(ids, shape, weights) for ids in texts])


def engine_of(directory: Path, name: str, classes: int = 2) -> tuple[LstmEngine, LstmShape, Weights]:
    network, weights = NETWORKS[name], random_weights(NETWORKS[name], classes)
    export_onnx(network, weights, directory / "model.onnx")
    write_weights(directory / WEIGHTS_FILE, weights)
    shape = LstmShape.of(network.to_json())
    assert shape is not None
    return LstmEngine(directory, shape, OnnxRuntimeEngine(directory, threads=1)), shape, weights


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("texts", [SMALL_BATCH_TEXTS - 1, SMALL_BATCH_TEXTS, TEXTS])
def test_batches_of_any_size_get_what_the_equations_give(tmp_path: Path, name: str, classes: int, texts: int) -> None:
    engine, shape, weights = engine_of(tmp_path, name, classes)
    tokens = random_tokens(texts)
    probabilities, _ = engine.infer(tokens)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (texts, classes)
    assert np.abs(probabilities - plain_batch(tokens, shape, weights)).max() < 1e-6


@pytest.mark.parametrize("name", ["imdb-b", "reviews"])
def test_texts_that_are_all_alike_or_very_long_are_scored_right(tmp_path: Path, name: str) -> None:
    engine, shape, weights = engine_of(tmp_path, name)
    alike = Tokens(np.tile(np.int32([2, 8, 3]), 100), np.full(100, 3, np.int32), np.ones(100, np.float32))
    assert np.abs(engine.infer(alike)[0] - plain_batch(alike, shape, weights)).max() < 1e-6
    long = random_tokens(SMALL_BATCH_TEXTS, longest=400)
    assert np.abs(engine.infer(long)[0] - plain_batch(long, shape, weights)).max() < 1e-5


def test_nothing_is_padded(tmp_path: Path) -> None:
    engine, *_ = engine_of(tmp_path, "reviews")
    tokens = random_tokens(TEXTS)
    assert engine.infer(tokens)[1] == tokens.tokens


def test_probabilities_stay_probabilities_at_the_far_ends(tmp_path: Path) -> None:
    _, shape, weights = engine_of(tmp_path, "imdb-c", classes=3)
    weights["output_kernel"] *= 1e4
    write_weights(tmp_path / WEIGHTS_FILE, weights)
    engine = LstmEngine(tmp_path, shape, OnnxRuntimeEngine(tmp_path, threads=1))
    probabilities, _ = engine.infer(random_tokens(TEXTS))
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(1)


def test_a_half_precision_embedding_is_the_single_precision_one_rounded(tmp_path: Path) -> None:
    _, shape, weights = engine_of(tmp_path, "reviews")
    rounded = weights | {"embedding": weights["embedding"].astype(np.float16)}
    write_weights(tmp_path / WEIGHTS_FILE, rounded)
    tokens = random_tokens(TEXTS)
    probabilities, _ = LstmEngine(tmp_path, shape, OnnxRuntimeEngine(tmp_path, threads=1)).infer(tokens)
    assert np.abs(probabilities - plain_batch(tokens, shape, rounded)).max() < 1e-6
    assert np.abs(probabilities - plain_batch(tokens, shape, weights)).max() > 1e-6
