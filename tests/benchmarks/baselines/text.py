"""Text to word ids with a dictionary: for one text or a few at a time several times faster than `models.text.Encoder`,
which is made for large batches. The ids are the same, as the check of every score shows.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.artifact import STOP_WORDS_FILE, VOCABULARY_FILE, read_manifest, read_words
from models.text import FIRST_WORD_ID, UNKNOWN_ID, respell_stop_words, split_words


class Words:
    """The words of one model's directory."""

    def __init__(self, model: Path) -> None:
        settings = read_manifest(model).text
        removed = respell_stop_words(read_words(model / STOP_WORDS_FILE)) if settings.remove_stop_words else ()
        words = enumerate(read_words(model / VOCABULARY_FILE), start=FIRST_WORD_ID)
        self._id_of_word = {word.encode(): number for number, word in words if word not in removed}
        self.max_length = settings.max_length

    def ids(self, text: str) -> list[int]:
        """The ids of the words that the model knows, or one unknown id."""
        known = list(filter(None, map(self._id_of_word.get, split_words(text))))
        return known[: self.max_length] or [UNKNOWN_ID]

    def padded(self, texts: list[str]) -> NDArray[np.int32]:
        """Ids (texts, the model's full length), zeros on the right."""
        batch = np.zeros((len(texts), self.max_length), np.int32)
        for row, text in enumerate(texts):
            ids = self.ids(text)
            batch[row, : len(ids)] = ids
        return batch
