"""A second linear part for a network, fitted apart from the LSTM and the linear part beside it.

It takes seconds, and what it adds is worth more than what the one that learns with the LSTM knows (see README.md here).
Logistic regression on a text's words and pairs of words, each weighted with its naive-Bayes log-count ratio (Wang and
Manning, ACL 2012) and its inverse document frequency; afterwards these weights are folded into those learnt.
"""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from models.engines.word_pairs import bucket_indices
from models.text import Tokens
from trainer.pretraining.teacher import Matrix, log_count_ratios, sparse_regression

STRENGTH = 3.0  # the inverse of the regularisation


def fit_linear_part(tokens: Tokens, labels: NDArray[np.float32], buckets: int, seed: int) -> NDArray[np.float32]:
    """Weights for models.engines.word_pairs, (buckets, outputs), whose sums are logits.

    `labels` (labelled texts, outputs) are those of the first texts of `tokens`; of the others it is only counted in how
    many of them a word is.
    """
    counts = _count(tokens, buckets)
    texts_with = np.asarray((counts > 0).sum(axis=0)).ravel()
    rarity = np.log(len(tokens) / (1 + texts_with)) + 1
    known = counts[: len(labels)]
    present = (known > 0).astype(np.float32)
    features = scipy.sparse.diags(1 / np.sqrt(tokens.lengths[: len(labels)])) @ known
    weights = np.zeros((buckets, labels.shape[1]), np.float32)
    for output in range(labels.shape[1]):
        scale = log_count_ratios(present, labels[:, output]) * rarity
        model = sparse_regression(STRENGTH, seed).fit(features @ scipy.sparse.diags(scale), labels[:, output])
        weights[:, output] = model.coef_[0] * scale
    return weights


def _count(tokens: Tokens, buckets: int) -> Matrix:
    """How often a text's words and pairs fall into each bucket: (texts, buckets)."""
    texts = np.repeat(np.arange(len(tokens)), tokens.lengths)
    words, pairs, has_neighbour = bucket_indices(tokens, buckets)
    columns = np.concatenate([words, pairs[has_neighbour]])
    rows = np.concatenate([texts, texts[has_neighbour]])
    ones = np.ones(len(rows), np.float32)
    return scipy.sparse.csr_matrix((ones, (rows, columns)), shape=(len(tokens), buckets))
