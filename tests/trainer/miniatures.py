"""Every recipe's network and some more, a few units large, with random weights and texts."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from models.engines.weights import LAST, MEAN, Weights
from models.text import Tokens
from trainer.networks.networks import LstmNetwork
from trainer.recipes import RECIPES, Recipe

IDS = 9
PAIR_BUCKETS = 31
EMBEDDING_UNITS, LSTM_UNITS, FIRST_HIDDEN_UNITS = 7, 5, 6
NETWORKS = {
    recipe.name: replace(
        recipe.network,
        embedding_units=EMBEDDING_UNITS,
        lstm_units=LSTM_UNITS,
        hidden_units=tuple(FIRST_HIDDEN_UNITS - layer for layer in range(len(recipe.network.hidden_units))),
        pair_buckets=min(recipe.network.pair_buckets, PAIR_BUCKETS),
    )
    for recipe in RECIPES.values()
    if isinstance(recipe, Recipe)
} | {
    "mean": LstmNetwork(EMBEDDING_UNITS, LSTM_UNITS, pooling=(MEAN,)),
    "last-of-both": LstmNetwork(EMBEDDING_UNITS, LSTM_UNITS, bidirectional=True, pooling=(LAST,), hidden_units=(3,)),
}


def random_weights(network: LstmNetwork, classes: int = 2) -> Weights:
    """Weights far from their start, so that a wrong order of gates or a lost bias shows."""
    random, weights = np.random.default_rng(7), {}
    for name, shape in _shapes(network, classes):
        scale = {"hidden": 0.5, "output": 0.5, "pairs": 0.5}.get(
            name.partition("_")[0], 1.0
        )  # probabilities near 0 and 1 would hide errors
        weights[name] = random.normal(0, scale, shape).astype(np.float32)
    return weights


def _shapes(network: LstmNetwork, classes: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    units = network.lstm_units
    yield "embedding", (IDS, network.embedding_units)
    directions = ("", "backward_") if network.bidirectional else ("",)
    for prefix in directions:
        yield f"{prefix}kernel", (network.embedding_units, 4 * units)
        yield f"{prefix}recurrent", (units, 4 * units)
        yield f"{prefix}bias", (4 * units,)
    features = units * len(directions) * len(network.pooling)
    outputs = 1 if classes == 2 else classes
    if network.pair_buckets:
        yield "pairs", (network.pair_buckets, outputs)
    names = [f"hidden_{number}" for number in range(1, len(network.hidden_units) + 1)] + ["output"]
    for name, layer_units in zip(names, (*network.hidden_units, outputs), strict=True):
        yield f"{name}_kernel", (features, layer_units)
        yield f"{name}_bias", (layer_units,)
        features = layer_units


def random_tokens(texts: int, longest: int = 12) -> Tokens:
    """Texts of all lengths from one word on, in no order."""
    random = np.random.default_rng(texts)
    lengths = random.permutation(1 + np.arange(texts) % longest).astype(np.int32)
    return Tokens(random.integers(1, IDS, lengths.sum(), np.int32), lengths, np.ones(texts, np.float32))
