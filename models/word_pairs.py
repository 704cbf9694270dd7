"""The linear part of a network: a weight for every word and every pair of neighbours, found by hashing.

A linear model of n-grams knows which rare turns of phrase decide; an LSTM reads the rest of the text. Their sum is what
Cheng et al. (Wide & Deep Learning, 2016) propose. The weights of a text's words and pairs are summed, times SCALE, and
divided by the square root of its length.
"""

import numpy as np
from numpy.typing import NDArray

from models.text import Tokens

LEFT_FACTOR = 7_919  # with RIGHT_FACTOR and a prime number of buckets neighbours spread over all of them
RIGHT_FACTOR = 104_729
SCALE = 5.0  # makes the steps of an optimiser that suit an LSTM large enough for weights of rare pairs


def sum_pairs(tokens: Tokens, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """(buckets, outputs) -> each text's sum: (texts, outputs)."""
    ids = tokens.ids.astype(np.int64)
    following = np.append(ids[1:], 0)
    following[np.cumsum(tokens.lengths) - 1] = 0
    words = weights[ids * LEFT_FACTOR % len(weights)]
    pairs = weights[(ids * LEFT_FACTOR + following * RIGHT_FACTOR) % len(weights)]
    pairs[following == 0] = 0
    sums: NDArray[np.float32] = np.add.reduceat(words + pairs, tokens.starts, axis=0)
    sums *= (SCALE / np.sqrt(tokens.lengths))[:, None]
    return sums
