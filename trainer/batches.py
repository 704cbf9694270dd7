"""Batches of texts of similar length, so that little time goes into padding."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow
from numpy.typing import NDArray

from models.padding import pad
from models.text import Tokens

BATCHES_PER_POOL = 50


class LengthBucketedBatches:
    """All texts once an epoch, each epoch in a new order: shuffled, then sorted by length within pools of some batches.

    With `seed` None the texts come in order of their length and every epoch is the same: for evaluation.
    """

    def __init__(self, tokens: Tokens, labels: NDArray[np.int32], batch_size: int, seed: int | None = None) -> None:
        self._tokens, self._labels, self._batch_size = tokens, labels.astype(np.float32)[:, None], batch_size
        self._random = None if seed is None else np.random.default_rng(seed)

    def epoch(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        """One epoch's batches: ids int32 (batch, steps), labels float32 (batch, 1)."""
        for rows in self._draw():
            yield pad(self._tokens, rows), self._labels[rows]

    def dataset(self) -> Any:
        """The epochs as a tf.data.Dataset, for keras.Model.fit."""
        signature = (
            tensorflow.TensorSpec((None, None), tensorflow.int32),
            tensorflow.TensorSpec((None, 1), tensorflow.float32),
        )
        batches = tensorflow.data.Dataset.from_generator(self.epoch, output_signature=signature)
        return batches.apply(tensorflow.data.experimental.assert_cardinality(len(self)))

    def __len__(self) -> int:
        pool = self._pool()
        sizes = [min(pool, len(self._tokens) - start) for start in range(0, len(self._tokens), pool)]
        return sum(-(-size // self._batch_size) for size in sizes)

    def _pool(self) -> int:
        return len(self._tokens) if self._random is None else self._batch_size * BATCHES_PER_POOL

    def _draw(self) -> list[NDArray[np.intp]]:
        count, pool = len(self._tokens), self._pool()
        order = np.arange(count) if self._random is None else self._random.permutation(count)
        batches: list[NDArray[np.intp]] = []
        for start in range(0, count, pool):
            rows = order[start : start + pool]
            rows = rows[np.argsort(self._tokens.lengths[rows], kind="stable")]
            batches += [rows[place : place + self._batch_size] for place in range(0, len(rows), self._batch_size)]
        if self._random is None:
            return batches
        return [batches[place] for place in self._random.permutation(len(batches))]
