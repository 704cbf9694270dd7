"""The only preprocessing: text to word ids. The same code trains and serves.

Line breaks written as ``<br />`` go, apostrophes are dropped (``don't`` becomes ``dont``), everything else that is not
a letter separates words, letters are lowered, stop words and words outside the vocabulary are left out.
Compatibility forms are folded first (NFKC): full-width letters and composed accents spell the same word.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BrokenArtifact

PADDING_ID = 0
UNKNOWN_ID = 1
FIRST_WORD_ID = 2
STOP_WORD_ID = PADDING_ID  # inside the encoder only: stop words are dropped before ids are handed out
LINE_BREAK = "<br />"
OTHER_APOSTROPHES = "\u02bc\u2018\u2019"
PINNED_STOP_WORDS = Path(__file__).with_name("stop_words_en.txt")  # NLTK's English list


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How text becomes ids; saved in every manifest, so that a model is served as it was trained."""

    vocabulary_size: int = 6_000
    max_length: int = 370
    remove_stop_words: bool = True

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The settings in a manifest; raises BrokenArtifact for one that this release does not know."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise BrokenArtifact(
                f"The manifest has text settings that this release does not know: {', '.join(unknown)}."
            )
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Encoded texts, one after the other.

    `ids` int32 (sum of lengths,), `lengths` int32 (texts,), each at least 1, `coverage` float32 (texts,): the share of
    a text's words, stop words not counted, that the model knows; 0 for a text without any known word.
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    coverage: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> int:
        return len(self.ids)

    @property
    def starts(self) -> NDArray[np.intp]:
        """Where each text's ids begin in `ids`: (texts,)."""
        return np.cumsum(self.lengths, dtype=np.intp) - self.lengths


class Vocabulary:
    """The words that a model knows, most frequent first; the word at position i has the id FIRST_WORD_ID + i."""

    def __init__(self, words: Sequence[str]) -> None:
        if len(set(words)) != len(words):
            raise BrokenArtifact("The vocabulary names a word twice.")
        self.words = tuple(words)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def ids(self) -> int:
        """Number of ids, padding and unknown included: the rows of an embedding."""
        return FIRST_WORD_ID + len(self.words)


_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_DROPPED_BYTES = b"'`"
_BYTE_TABLE = bytes(ord(chr(byte).lower()) if chr(byte).isalpha() else 32 for byte in range(128)) + bytes(
    range(128, 256)
)


def _respell(match: re.Match[str]) -> str:
    """One character beyond ASCII: letters and marks stay, apostrophes become plain ones, others separate words."""
    character = match[0]
    if character in OTHER_APOSTROPHES:
        return "'"
    return character if character.isalpha() or unicodedata.category(character).startswith("M") else " "


def split_words(text: str) -> list[bytes]:
    """The words of a text in UTF-8, stop words included. Never raises on a str: lone surrogates separate words.

    For ASCII text this is four calls of C code; other text is folded first, so that the same calls are exact for it.
    """
    if not text.isascii():
        text = _NOT_ASCII.sub(_respell, unicodedata.normalize("NFKC", text).lower())
    return text.replace(LINE_BREAK, " ").encode().translate(_BYTE_TABLE, _DROPPED_BYTES).split()


def respell_stop_words(words: Iterable[str]) -> frozenset[str]:
    """Stop words spelled as `split_words` spells a text's words (``don't`` becomes ``dont``)."""
    return frozenset(word.decode() for word in chain.from_iterable(map(split_words, words)))


class Encoder:
    """Texts to ids with one model's words; safe to share between threads."""

    def __init__(self, settings: TextSettings, vocabulary: Vocabulary, stop_words: Iterable[str]) -> None:
        self.settings = settings
        self.vocabulary = vocabulary
        removed = respell_stop_words(stop_words) if settings.remove_stop_words else ()
        self._id_of_word = {word.encode(): FIRST_WORD_ID + place for place, word in enumerate(vocabulary.words)}
        self._id_of_word |= {word.encode(): STOP_WORD_ID for word in removed}

    def encode(self, texts: Sequence[str]) -> Tokens:
        """Ids, lengths and coverage; a text without a known word gets one unknown id. Never raises on a str."""
        flat: list[int] = []
        lengths: list[int] = []
        coverage: list[float] = []
        max_length = self.settings.max_length
        id_of_word = self._id_of_word.get
        for text in texts:
            found = list(map(id_of_word, split_words(text)))
            unknown = found.count(None)
            ids = list(filter(None, found))  # without unknown words and stop words
            known = len(ids)
            if known == 0:
                ids = [UNKNOWN_ID]
            elif known > max_length:
                del ids[max_length:]
            flat += ids
            lengths.append(len(ids))
            coverage.append(known / (known + unknown) if known else 0.0)
        return Tokens(np.array(flat, np.int32), np.array(lengths, np.int32), np.array(coverage, np.float32))
