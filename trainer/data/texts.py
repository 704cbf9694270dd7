"""Labelled texts, without duplicates, and a split that stays the same from run to run."""

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trainer.errors import BadData

CLASSES = ("negative", "positive")


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

    def take(self, settings: NDArray[np.bool_]) -> Self:
        """The rows where `settings`, bool (texts,), is true."""
        texts = tuple(text for text, keep in zip(self.texts, settings, strict=True) if keep)
        return type(self)(texts, self.labels[settings], self.classes)

    def without_duplicates(self) -> Self:
        """The first of every group of equal texts, with its label, also where the others have another label."""
        index_of_text = {text: index for index, text in reversed(list(enumerate(self.texts)))}
        first = np.zeros(len(self), np.bool_)
        first[list(index_of_text.values())] = True
        return self.take(first)

    def split(self, held_out_ratio: float) -> tuple[Self, Self]:
        """(kept, held out), decided by each text's own hash: the same text lands on the same side in every run."""
        held_out = np.array([_index(text) < held_out_ratio for text in self.texts], np.bool_)
        return self.take(~held_out), self.take(held_out)


def require_classes(data: LabelledTexts) -> None:
    """Raises BadData unless there are texts of every class: without, there is nothing to learn to tell apart."""
    counts = np.bincount(data.labels, minlength=len(data.classes)).tolist()
    missing = [name for name, count in zip(data.classes, counts, strict=True) if not count]
    if missing:
        there = ", ".join(f"{count:,} {name}" for name, count in zip(data.classes, counts, strict=True) if count)
        raise BadData(
            f"No text to learn from is {' or '.join(missing)} ({there or 'there is none at all'}); "
            f"expected texts of each class: {', '.join(data.classes)}."
        )


def _index(text: str) -> float:
    """A text's place in [0, 1), from its hash."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
