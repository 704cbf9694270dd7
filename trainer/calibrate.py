"""Probabilities that mean what they say."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.engines.word_pairs import sum_pairs
from models.text import Tokens
from trainer.data.batches import LengthBucketedBatches
from trainer.networks.export import named_weights, set_named_weights

SMALLEST = 1e-7
BATCH_TEXTS = 256

Floats = NDArray[np.float64]


def calibrate(
    model: Any, tokens: Tokens, targets: NDArray[np.float32], linear_part: NDArray[np.float32] | None = None
) -> None:
    """Scales and shifts the last layer so that the loss on texts not learnt from is lowest.

    One factor for the model's logits, one for those of a `linear_part` (buckets, outputs) that is added to the model's
    own, and one shift an output (Platt, 1999; Guo et al., ICML 2017), with Platt's softened targets: few texts, or
    texts that are easily told apart, do not make it sure of everything. `targets` (texts, outputs) are 0 or 1; `model`
    is one that `networks.build` made.
    """
    batches = LengthBucketedBatches(tokens, targets, BATCH_TEXTS)
    outputs = np.concatenate([np.asarray(model(ids, training=False)) for ids, _ in batches.epoch()]).astype(np.float64)
    rows = np.concatenate(batches.draw(0))
    parts = [_logits(outputs)]
    if linear_part is not None:
        parts.append(sum_pairs(tokens, linear_part)[rows].astype(np.float64))
    softened = _soften(_of_all_classes(targets[rows].astype(np.float64)))

    def loss(values: Floats) -> float:
        factors, shift = np.exp(values[: len(parts)]), values[len(parts) :]
        logits = sum(factor * part for factor, part in zip(factors, parts, strict=True)) + shift
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits
        highest = logits.max(axis=1, keepdims=True)
        normal = highest + np.log(np.exp(logits - highest).sum(axis=1, keepdims=True))
        return float(-np.mean(np.sum(softened * (logits - normal), axis=1)))

    found = minimize(loss, np.zeros(len(parts) + targets.shape[1]), method="Nelder-Mead", options={"maxiter": 2_000}).x
    factors, shift = np.exp(found[: len(parts)]), found[len(parts) :]
    named = named_weights(model)
    changed = {
        "output_kernel": named["output_kernel"] * factors[0],
        "output_bias": named["output_bias"] * factors[0] + shift,
    }
    if linear_part is not None:
        changed["pairs"] = named["pairs"] * factors[0] + linear_part * factors[1]
    set_named_weights(model, named | changed)


def _logits(outputs: Floats) -> Floats:
    """(texts, outputs), up to a constant a text."""
    outputs = np.clip(outputs, SMALLEST, 1 - SMALLEST)
    return np.log(outputs / (1 - outputs)) if outputs.shape[1] == 1 else np.log(outputs)


def _of_all_classes(targets: Floats) -> Floats:
    return np.concatenate([1 - targets, targets], axis=1) if targets.shape[1] == 1 else targets


def _soften(targets: Floats) -> Floats:
    """(texts, classes) of 0 and 1 -> what they would be if one more text like a class's were of each class."""
    texts_of_class = targets @ targets.sum(axis=0)[:, None]
    softened: Floats = (targets * texts_of_class + 1) / (texts_of_class + targets.shape[1])
    return softened
