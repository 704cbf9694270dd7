"""Vectors of whole texts, learnt without labels: what a text is about, and how it speaks of it."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from gensim.models.doc2vec import Doc2Vec, TaggedDocument
from numpy.typing import NDArray

UNITS = 300
EPOCHS = 10
NEGATIVE_SAMPLES = 5
FEWEST_TEXTS = 7


class _Documents:
    """The columns of each row as words; gensim reads them once an epoch."""

    def __init__(self, presence: Any) -> None:
        frequent = np.flatnonzero(presence.getnnz(axis=0) >= FEWEST_TEXTS)
        self._presence = presence[:, frequent].tocsr()
        self.names = [str(column) for column in range(len(frequent))]

    def __iter__(self) -> Iterator[TaggedDocument]:
        names, columns, starts = self.names, self._presence.indices, self._presence.indptr
        for row in range(self._presence.shape[0]):
            yield TaggedDocument([names[each] for each in columns[starts[row] : starts[row + 1]].tolist()], [row])


def train_document_vectors(presence: Any, seed: int) -> NDArray[np.float32]:
    """Unit vectors that predict which n-grams a text has (DBOW, Le and Mikolov, 2014; n-grams: Li et al., 2016).

    `presence` is a sparse matrix (texts, n-grams), not 0 where a text has an n-gram; the answer is (texts, 300). An
    n-gram in fewer than 7 texts is left out. One thread, so that the same seed gives the same vectors.
    """
    documents = _Documents(presence)
    if not documents.names:
        return np.zeros((presence.shape[0], UNITS), np.float32)
    model = Doc2Vec(
        documents,
        dm=0,
        vector_size=UNITS,
        negative=NEGATIVE_SAMPLES,
        min_count=1,
        sample=1e-4,
        alpha=0.05,
        min_alpha=0.001,
        epochs=EPOCHS,
        workers=1,
        seed=seed,
    )
    lengths = np.linalg.norm(model.dv.vectors, axis=1, keepdims=True)
    vectors: NDArray[np.float32] = model.dv.vectors / np.maximum(lengths, 1e-9)
    return vectors
