"""Probabilities that mean what they say."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from trainer.batches import LengthBucketedBatches
from trainer.export import named_weights, set_named_weights

SMALLEST = 1e-7


def calibrate(model: Any, held_out: LengthBucketedBatches) -> None:
    """Scales and shifts the last layer so that the loss on texts not learnt from is lowest.

    One factor for all classes and one shift a class (Platt, 1999; Guo et al., ICML 2017), with Platt's softened
    targets: few texts, or texts that are easily told apart, do not make it sure of everything. `model` is one that
    `networks.build` made.
    """
    batches = list(held_out.epoch())
    outputs = np.concatenate([np.asarray(model(ids, training=False)) for ids, _ in batches]).astype(np.float64)
    targets = np.concatenate([targets for _, targets in batches]).astype(np.float64)
    logits, targets = _logits(outputs), _soften(_with_both_classes(targets))

    def loss(scaling: NDArray[np.float64]) -> float:
        scaled = logits * np.exp(scaling[0]) + _with_first_class(scaling[1:], outputs.shape[1])
        shifted = scaled - scaled.max(axis=1, keepdims=True)
        return float(-np.mean(np.sum(targets * (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))), axis=1)))

    found = minimize(loss, np.zeros(1 + outputs.shape[1]), method="Nelder-Mead").x
    factor, shift = np.exp(found[0]), found[1:]
    named = named_weights(model)
    changed = {name: named[name] * factor for name in ("output_kernel", "output_bias", "pairs") if name in named}
    changed["output_bias"] = changed["output_bias"] + shift
    set_named_weights(model, named | changed)


def _logits(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """(texts, classes), up to a constant a text."""
    outputs = np.clip(outputs, SMALLEST, 1 - SMALLEST)
    if outputs.shape[1] == 1:
        return np.concatenate([np.zeros_like(outputs), np.log(outputs / (1 - outputs))], axis=1)
    return np.log(outputs)


def _with_both_classes(targets: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([1 - targets, targets], axis=1) if targets.shape[1] == 1 else targets


def _soften(targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """(texts, classes) of 0 and 1 -> what they would be if one more text like a class's were of each class."""
    texts_of_class = targets @ targets.sum(axis=0)[:, None]
    softened: NDArray[np.float64] = (targets * texts_of_class + 1) / (texts_of_class + targets.shape[1])
    return softened


def _with_first_class(shift: NDArray[np.float64], outputs: int) -> NDArray[np.float64]:
    return np.concatenate([[0.0], shift]) if outputs == 1 else shift
