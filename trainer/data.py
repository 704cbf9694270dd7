"""Labelled texts from files, without duplicates, and a split that stays the same from run to run."""

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trainer.errors import BadData

CLASSES = ("negative", "positive")
FIRST_POSITIVE_RATING = 5  # of 10; the Kaggle form of the IMDB test set has its labels in the ids, as "123_8"


@dataclass(frozen=True, slots=True, eq=False)
class LabelledTexts:
    """Texts and the indices of their classes, int32 (texts,), into `classes`."""

    texts: tuple[str, ...]
    labels: NDArray[np.int32]
    classes: tuple[str, ...] = CLASSES

    def __len__(self) -> int:
        return len(self.texts)

    def sha256(self) -> str:
        """A hash of texts and labels in their order, for manifests."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels, strict=True):
            digest.update(f"{label}\t{text}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def take(self, chosen: NDArray[np.bool_]) -> Self:
        """The rows where `chosen`, bool (texts,), is true."""
        texts = tuple(text for text, keep in zip(self.texts, chosen, strict=True) if keep)
        return type(self)(texts, self.labels[chosen], self.classes)

    def without_duplicates(self) -> Self:
        """The first of every group of equal texts."""
        place_of_text = {text: place for place, text in reversed(list(enumerate(self.texts)))}
        first = np.zeros(len(self), np.bool_)
        first[list(place_of_text.values())] = True
        return self.take(first)

    def split(self, held_out_ratio: float) -> tuple[Self, Self]:
        """(kept, held out), decided by each text's own hash: the same text lands on the same side in every run."""
        held_out = np.array([_place(text) < held_out_ratio for text in self.texts], np.bool_)
        return self.take(~held_out), self.take(held_out)


def read_labelled(path: Path) -> LabelledTexts:
    """Reads a tab-separated file, plain or gzipped, in one of Kaggle's IMDB forms (no quoting, header first).

    With a `sentiment` column (0 or 1) that is the label; otherwise the rating after the underscore of an id is.
    Raises BadData, with the line number, for anything else.
    """
    rows = enumerate(_lines(path), start=1)
    header = next(rows, (0, ""))[1].split("\t")
    if "review" not in header or not {"sentiment", "id"} & set(header):
        raise BadData(f"{path} does not start with a header that names a review column and a sentiment or id column.")
    texts: list[str] = []
    labels: list[int] = []
    for number, line in rows:
        cells = line.split("\t")
        if len(cells) != len(header):
            raise BadData(f"{path}, line {number}: {len(cells)} columns where the header has {len(header)}.")
        row = dict(zip(header, cells, strict=True))
        label = _label(row)
        if label is None:
            raise BadData(f"{path}, line {number}: no label of 0 or 1 and no rating in the id.")
        texts.append(_unquote(row["review"]))
        labels.append(label)
    if not texts:
        raise BadData(f"{path} has no reviews.")
    return LabelledTexts(tuple(texts), np.array(labels, np.int32))


def _lines(path: Path) -> Iterator[str]:
    try:
        raw = path.read_bytes()
        if raw.startswith(b"\x1f\x8b"):
            raw = gzip.decompress(raw)
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is not UTF-8 text.") from error
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is cut off or damaged"
        raise BadData(f"Cannot read {path}: {reason}.") from error
    return _without_blank(text.split("\n"))


def _without_blank(lines: Iterable[str]) -> Iterator[str]:
    return (line.rstrip("\r") for line in lines if line.strip())


def _label(row: dict[str, str]) -> int | None:
    if "sentiment" in row:
        return int(row["sentiment"]) if row["sentiment"] in ("0", "1") else None
    rating = _unquote(row["id"]).rpartition("_")[2]
    return int(int(rating) >= FIRST_POSITIVE_RATING) if rating.isdecimal() else None


def _unquote(cell: str) -> str:
    """The cell without the quotes around it and without the backslashes before the quotes inside."""
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        cell = cell[1:-1]
    return cell.replace('\\"', '"')


def _place(text: str) -> float:
    """A text's place in [0, 1), from its hash."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
