"""Batches of texts of similar length, so that little time goes into padding."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow
from numpy.typing import NDArray

from models.engines.padding import pad
from models.text import Tokens

BATCHES_PER_POOL = 50
PREPARED_BATCHES = 4


class LengthBucketedBatches:
    """All texts once an epoch, each epoch in another order: shuffled, then sorted by length within pools of batches.

    The order is decided by the seed and the epoch's number alone, so that a run that goes on after a stop sees what it
    would have seen. With `seed` None the texts come in order of their length: for evaluation.
    """

    def __init__(self, tokens: Tokens, targets: NDArray[np.float32], batch_size: int, seed: int | None = None) -> None:
        self._tokens, self._targets, self._batch_size, self._seed = tokens, targets, batch_size, seed

    def epoch(self, number: int = 0) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        """One epoch's batches: ids int32 (batch, steps), targets float32 (batch, outputs)."""
        for rows in self.draw(number):
            yield pad(self._tokens, rows), self._targets[rows]

    def dataset(self, number: int = 0) -> Any:
        """One epoch as a tf.data.Dataset, prepared while the batches before are computed."""
        signature = (
            tensorflow.TensorSpec((None, None), tensorflow.int32),
            tensorflow.TensorSpec((None, self._targets.shape[1]), tensorflow.float32),
        )
        batches = tensorflow.data.Dataset.from_generator(lambda: self.epoch(number), output_signature=signature)
        return batches.prefetch(PREPARED_BATCHES)

    def __len__(self) -> int:
        """Batches an epoch."""
        pool = self._pool()
        sizes = [min(pool, len(self._tokens) - start) for start in range(0, len(self._tokens), pool)]
        return sum(-(-size // self._batch_size) for size in sizes)

    def _pool(self) -> int:
        return len(self._tokens) if self._seed is None else self._batch_size * BATCHES_PER_POOL

    def draw(self, number: int) -> list[NDArray[np.intp]]:
        """The rows of each batch of an epoch."""
        count, pool = len(self._tokens), self._pool()
        random = None if self._seed is None else np.random.default_rng((self._seed, number))
        order = np.arange(count) if random is None else random.permutation(count)
        batches: list[NDArray[np.intp]] = []
        for start in range(0, count, pool):
            rows = order[start : start + pool]
            rows = rows[np.argsort(self._tokens.lengths[rows], kind="stable")]
            batches += [rows[index : index + self._batch_size] for index in range(0, len(rows), self._batch_size)]
        if random is None:
            return batches
        return [batches[index] for index in random.permutation(len(batches))]
