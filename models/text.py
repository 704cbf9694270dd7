"""The only preprocessing: text to word ids. The same code trains and serves.

Line breaks written as ``<br />`` go, apostrophes are dropped (``don't`` becomes ``dont``), everything else that is not
a letter separates words, letters are lowered, stop words and words outside the vocabulary are left out. A model may
keep digits (``10`` is a word then) and symbols (each ``!`` is a word then).
Compatibility forms are folded first (NFKC): full-width letters and composed accents spell the same word.
"""

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.errors import BrokenArtifact
from models.word_table import WordTable

PADDING_ID = 0
UNKNOWN_ID = 1
FIRST_WORD_ID = 2
STOP_WORD_ID = PADDING_ID  # inside the encoder only: neither this nor the next is ever handed out
END_OF_TEXT_ID = -1
END_OF_TEXT = b"\xff"  # a byte that UTF-8 does not use
GROUP_CHARACTERS = 1_000_000
NO_IDS = np.empty(0, np.int32)
LINE_BREAK = b"<br />"
OTHER_APOSTROPHES = "\u02bc\u2018\u2019"
POSSIBLE_SYMBOLS = frozenset(string.punctuation) - frozenset("'`<>/")  # without what spells words and line breaks
PINNED_STOP_WORDS = Path(__file__).with_name("stop_words_en.txt")  # NLTK's English list


@dataclass(frozen=True, slots=True)
class TextSettings:
    """How text becomes ids; saved in every manifest, so that a model is served as it was trained.

    Of a text with more than `max_length` known words the first are kept, or, with `tail_length`, the first
    `max_length - tail_length` and the last `tail_length`.
    """

    vocabulary_size: int = 6_000
    max_length: int = 370
    remove_stop_words: bool = True
    tail_length: int = 0
    keep_digits: bool = False
    symbols: str = ""  # ASCII punctuation; each character is a word of its own

    def __post_init__(self) -> None:
        if not set(self.symbols) <= POSSIBLE_SYMBOLS or not 0 <= self.tail_length < self.max_length:
            raise BrokenArtifact(f"The text settings name symbols or lengths that cannot be: {self}.")

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


def _respell(match: re.Match[str]) -> str:
    """One character beyond ASCII: letters and marks stay, apostrophes become plain ones, others separate words."""
    character = match[0]
    if character in OTHER_APOSTROPHES:
        return "'"
    return character if character.isalpha() or unicodedata.category(character).startswith("M") else " "


def _to_bytes(text: str) -> bytes:
    """UTF-8 in which every letter beyond ASCII is folded, and everything else beyond ASCII is a space."""
    if not text.isascii():
        text = _NOT_ASCII.sub(_respell, unicodedata.normalize("NFKC", text).lower())
    return text.encode()


class Spelling:
    """Which bytes of a text spell words, which are words of their own, and which only separate them."""

    def __init__(self, settings: TextSettings) -> None:
        self._symbols = [(symbol.encode(), f" {symbol} ".encode()) for symbol in settings.symbols]
        kept = string.ascii_letters + settings.symbols + (string.digits if settings.keep_digits else "")
        table = [ord(chr(byte).lower()) if chr(byte) in kept else ord(" ") for byte in range(128)]
        self._table = bytes(table) + bytes(range(128, 256))

    def split(self, text: str) -> list[bytes]:
        """The words of a text in UTF-8, stop words included. Never raises on a str: lone surrogates separate words."""
        return self.spell(_to_bytes(text)).split()

    def spell(self, text: bytes) -> bytes:
        """Words in lower letters with spaces between them; bytes beyond ASCII stay."""
        text = text.replace(LINE_BREAK, b" ")
        for symbol, apart in self._symbols:
            text = text.replace(symbol, apart)
        return text.translate(self._table, _DROPPED_BYTES)


split_words = Spelling(TextSettings()).split  # letters only


def respell_stop_words(words: Iterable[str]) -> frozenset[str]:
    """Stop words spelled as a text's words are (``don't`` becomes ``dont``)."""
    return frozenset(word.decode() for word in chain.from_iterable(map(split_words, words)))


class Encoder:
    """Texts to ids with one model's words; safe to share between threads."""

    def __init__(self, settings: TextSettings, vocabulary: Vocabulary, stop_words: Iterable[str]) -> None:
        self.settings = settings
        self.vocabulary = vocabulary
        removed = respell_stop_words(stop_words) if settings.remove_stop_words else ()
        id_of_word = dict.fromkeys(map(str.encode, settings.symbols), STOP_WORD_ID)  # unless the vocabulary has them
        id_of_word |= {word.encode(): FIRST_WORD_ID + index for index, word in enumerate(vocabulary.words)}
        id_of_word |= {word.encode(): STOP_WORD_ID for word in removed}
        self._table = WordTable(id_of_word | {END_OF_TEXT: END_OF_TEXT_ID}, missing_id=UNKNOWN_ID)
        self._symbol_ids = {id_of_word[symbol.encode()] for symbol in settings.symbols} - {STOP_WORD_ID}
        self._spelling = Spelling(settings)

    def encode(self, texts: Sequence[str]) -> Tokens:
        """Ids, lengths and coverage; a text without a known word gets one unknown id. Never raises on a str."""
        parts = [self._encode_group(group) for group in _groups(texts)]
        if len(parts) == 1:
            return parts[0]
        ids = np.concatenate([NO_IDS, *(part.ids for part in parts)])
        lengths = np.concatenate([NO_IDS, *(part.lengths for part in parts)])
        coverage = np.concatenate([NO_IDS.astype(np.float32), *(part.coverage for part in parts)])
        return Tokens(ids, lengths, coverage)

    def _encode_group(self, texts: Sequence[str]) -> Tokens:
        found = self._table.find(self._spelling.spell(b" \xff ".join([*map(_to_bytes, texts), b""])))
        ends = np.flatnonzero(found == END_OF_TEXT_ID)
        known = found >= FIRST_WORD_ID
        known_counts = np.diff(np.cumsum(known)[ends], prepend=0)
        unknown_counts = np.diff(np.cumsum(found == UNKNOWN_ID)[ends], prepend=0)
        ids, lengths = _cut(found[known], known_counts, self.settings)
        word_counts = known_counts - self._count_symbols(found, ends)
        coverage = word_counts / np.maximum(word_counts + unknown_counts, 1)
        return Tokens(ids, lengths, coverage.astype(np.float32))

    def _count_symbols(self, found: NDArray[np.int32], ends: NDArray[np.intp]) -> NDArray[np.intp]:
        """Symbols are no words of which a share could be known: (texts,)."""
        if not self._symbol_ids:
            return np.zeros(len(ends), np.intp)
        symbols = np.isin(found, list(self._symbol_ids))
        return np.diff(np.cumsum(symbols)[ends], prepend=0)


def _groups(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in groups of bounded size, so that a batch of huge texts does not take huge memory."""
    start = characters = 0
    for index, text in enumerate(texts):
        characters += len(text)
        if characters > GROUP_CHARACTERS and index > start:
            yield texts[start:index]
            start, characters = index, len(text)
    if start < len(texts):
        yield texts[start:]


def _cut(
    ids: NDArray[np.int32], counts: NDArray[np.intp], settings: TextSettings
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Cuts every text's ids to at most `max_length` and gives a text without any one unknown id: (ids, lengths)."""
    ranks = np.arange(len(ids)) - np.repeat(np.cumsum(counts) - counts, counts)
    lengths = np.clip(counts, 1, settings.max_length)
    kept = ranks < settings.max_length - settings.tail_length
    if settings.tail_length:
        tail_starts = np.maximum(counts - settings.tail_length, settings.max_length - settings.tail_length)
        kept |= ranks >= np.repeat(tail_starts, counts)
    cut = np.full(lengths.sum(), UNKNOWN_ID, np.int32)
    cut[np.repeat(counts > 0, lengths)] = ids[kept]
    return cut, lengths.astype(np.int32)
