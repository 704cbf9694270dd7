"""Vectors of words, learnt from plain text, for an embedding to start from."""

from collections.abc import Iterator, Sequence

import numpy as np
from gensim.models import Word2Vec
from numpy.typing import NDArray

from models.text import FIRST_WORD_ID, Spelling, TextSettings, Vocabulary
from trainer.recipes import Recipe

EPOCHS = 6
WINDOW_WORDS = 8
NEGATIVE_SAMPLES = 5
UNKNOWN_WORD_SCALE = 0.1


class _Sentences:
    """The words of each text; gensim reads them once an epoch."""

    def __init__(self, texts: Sequence[str], settings: TextSettings, vocabulary: Vocabulary) -> None:
        spelling, known = Spelling(settings), frozenset(vocabulary.words)
        self._words = [[word for each in spelling.split(text) if (word := each.decode()) in known] for text in texts]

    def __iter__(self) -> Iterator[list[str]]:
        return iter(self._words)


def train_word_vectors(texts: Sequence[str], recipe: Recipe, vocabulary: Vocabulary) -> NDArray[np.float32]:
    """Skip-gram vectors with negative sampling (Mikolov et al., 2013) for every id: (ids, units).

    Words that an encoder leaves out are left out here too. One thread, so that the same seed gives the same vectors.
    """
    units, seed = recipe.network.embedding_units, recipe.training.seed
    model = Word2Vec(
        _Sentences(texts, recipe.text, vocabulary),
        vector_size=units,
        sg=1,
        negative=NEGATIVE_SAMPLES,
        window=WINDOW_WORDS,
        min_count=1,
        sample=1e-4,
        epochs=EPOCHS,
        workers=1,
        seed=seed,
    )
    scale = float(np.std(model.wv.vectors)) * UNKNOWN_WORD_SCALE
    vectors = np.random.default_rng(seed).normal(0, scale, (vocabulary.ids, units)).astype(np.float32)
    for index, word in enumerate(vocabulary.words):
        if word in model.wv:
            vectors[FIRST_WORD_ID + index] = model.wv[word]
    return vectors
