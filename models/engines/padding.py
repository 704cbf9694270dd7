"""Ragged texts to rectangular batches of similar length."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.text import PADDING_ID, Tokens

BATCH_TEXTS = 4  # measured with ONNX Runtime: few texts waste little padding, and more gain nothing
LENGTH_STEP = 8  # padded lengths are multiples of this: a closed grid, so that an engine meets few shapes


def padded_batches(tokens: Tokens) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.int32]]]:
    """Sorts the texts by length and yields (rows, ids, lengths) for every BATCH_TEXTS of them.

    `rows` (batch,) are the texts' indices in `tokens`, `ids` int32 (batch, padded length), `lengths` int32 (batch,).
    """
    order = np.argsort(tokens.lengths, kind="stable")
    lengths = tokens.lengths[order]
    ids = _reorder(tokens, order)
    ends = np.cumsum(lengths)
    start = 0
    for index in range(0, len(order), BATCH_TEXTS):
        batch = slice(index, index + BATCH_TEXTS)
        end = int(ends[batch][-1])
        steps = -(-int(lengths[batch][-1]) // LENGTH_STEP) * LENGTH_STEP
        yield order[batch], _rectangle(ids[start:end], lengths[batch], steps), lengths[batch]
        start = end


def pad(tokens: Tokens, rows: NDArray[np.intp], steps: int | None = None) -> NDArray[np.int32]:
    """The ids of the chosen texts, padded on the right: int32 (rows, `steps` or the longest of them)."""
    lengths = tokens.lengths[rows]
    return _rectangle(_reorder(tokens, rows), lengths, steps or int(lengths.max()))


def _reorder(tokens: Tokens, order: NDArray[np.intp]) -> NDArray[np.int32]:
    """The ids of the texts in the given order, one text after the other."""
    lengths = tokens.lengths[order]
    ends = np.cumsum(lengths)
    shifts = tokens.starts[order] - (ends - lengths)
    settings: NDArray[np.int32] = tokens.ids[np.repeat(shifts, lengths) + np.arange(lengths.sum())]
    return settings


def _rectangle(ids: NDArray[np.int32], lengths: NDArray[np.int32], steps: int) -> NDArray[np.int32]:
    """Texts one after the other -> int32 (texts, steps)."""
    padded = np.full((len(lengths), steps), PADDING_ID, np.int32)
    padded[np.arange(steps) < lengths[:, None]] = ids
    return padded
