import numpy as np

from models.text import Tokens
from trainer.forest import pad_on_the_left


def test_a_forests_columns_are_places_counted_from_a_texts_end() -> None:
    tokens = Tokens(np.array([2, 3, 4, 5, 6], np.int32), np.array([2, 3], np.int32), np.ones(2, np.float32))
    assert pad_on_the_left(tokens, 4).tolist() == [[0, 0, 2, 3], [0, 4, 5, 6]]
