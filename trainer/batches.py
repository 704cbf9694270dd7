"""Batches of texts of similar length, so that little time goes into padding."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from models.text import PADDING_ID, Tokens

BATCHES_PER_POOL = 50


def pad(tokens: Tokens, rows: NDArray[np.intp]) -> NDArray[np.int32]:
    """The ids of the chosen texts, padded on the right: int32 (rows, longest of them)."""
    lengths = tokens.lengths[rows]
    starts = (np.cumsum(tokens.lengths) - tokens.lengths)[rows]
    padded = np.full((len(rows), int(lengths.max())), PADDING_ID, np.int32)
    for place, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        padded[place, :length] = tokens.ids[start : start + length]
    return padded


class LengthBucketedBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """All texts once an epoch in a new order: shuffled, then sorted by length within pools of some batches.

    With `seed` None the texts come in order of their length and the batches are always the same: for evaluation.
    """

    def __init__(self, tokens: Tokens, labels: NDArray[np.int32], batch_size: int, seed: int | None = None) -> None:
        super().__init__()
        self._tokens, self._labels, self._batch_size = tokens, labels.astype(np.float32)[:, None], batch_size
        self._random = None if seed is None else np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[NDArray[np.int32], Any]:
        rows = self._batches[index]
        return pad(self._tokens, rows), self._labels[rows]

    def on_epoch_end(self) -> None:
        """Draws the next epoch's batches."""
        count = len(self._tokens)
        order = np.arange(count) if self._random is None else self._random.permutation(count)
        pool = count if self._random is None else self._batch_size * BATCHES_PER_POOL
        batches: list[NDArray[np.intp]] = []
        for start in range(0, count, pool):
            rows = order[start : start + pool]
            rows = rows[np.argsort(self._tokens.lengths[rows], kind="stable")]
            batches += [rows[place : place + self._batch_size] for place in range(0, len(rows), self._batch_size)]
        if self._random is not None:
            batches = [batches[place] for place in self._random.permutation(len(batches))]
        self._batches = batches
