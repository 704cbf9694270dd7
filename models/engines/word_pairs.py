"""The linear part of a network: a weight for every word and every pair of neighbours, found by hashing.

A linear model of n-grams knows which rare turns of phrase decide; an LSTM reads the rest of the text. Their sum is what
Cheng et al. (Wide & Deep Learning, 2016) propose. The weights of a text's words and pairs are summed and divided by the
square root of its length.
"""

import numpy as np
from numpy.typing import NDArray

from models.text import Tokens

LEFT_FACTOR = 7_919  # with RIGHT_FACTOR and a prime number of buckets neighbours spread over all of them
RIGHT_FACTOR = 104_729


def bucket_indices(tokens: Tokens, buckets: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """For each id its own bucket, that of the pair with the next, and whether its text has a next: (ids,) each."""
    ids = tokens.ids.astype(np.int64)
    following = np.append(ids[1:], 0)
    following[np.cumsum(tokens.lengths) - 1] = 0
    lefts = ids * LEFT_FACTOR
    return lefts % buckets, (lefts + following * RIGHT_FACTOR) % buckets, following > 0


def sum_pairs(tokens: Tokens, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """(buckets, outputs) -> each text's sum: (texts, outputs)."""
    words, pairs, has_neighbour = bucket_indices(tokens, len(weights))
    terms = weights[words]
    terms[has_neighbour] += weights[pairs[has_neighbour]]
    sums: NDArray[np.float32] = np.add.reduceat(terms, tokens.starts, axis=0)
    sums /= np.sqrt(tokens.lengths)[:, None]
    return sums
