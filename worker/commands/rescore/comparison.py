"""Old results against new ones in little memory: 58 bytes a record and its id, twice that while they are counted."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from worker.messages import Sentiment

_NONE = 0xFFFF
_LONG_AGO = -(2**63)


class Change(NamedTuple):
    """A record whose score changed much. The scores are those of the class that is compared."""

    id: str
    old_sentiment: str
    new_sentiment: str
    old_score: float
    new_score: float


class Names:
    """Small numbers for names that come again and again; names beyond the limit share one."""

    LIMIT = 1_000

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The name's number, the same each time."""
        if len(self._numbers) >= self.LIMIT and name not in self._numbers:
            name = "(other)"
        return self._numbers.setdefault(name, len(self._numbers))

    def names(self) -> list[str]:
        """All names, each at its number."""
        return list(self._numbers)


class NewResults:
    """Collects the new results, of which the last one of an id counts."""

    def __init__(self, score_class: str) -> None:
        self.score_class = score_class
        self.classes = Names()
        self._hashes = array("q")
        self._sentiments = array("H")
        self._scores = array("f")
        self._ids = bytearray()
        self._id_ends = array("Q")

    def add(self, sentiment: Sentiment) -> None:
        """One more."""
        self._hashes.append(hash(sentiment.id))
        self._sentiments.append(self.classes.number(sentiment.sentiment))
        self._scores.append(sentiment.scores.get(self.score_class, float("nan")))
        self._ids += sentiment.id.encode("utf-8", "surrogatepass")
        self._id_ends.append(len(self._ids))

    def compare(self) -> Comparison:
        """To hold them against the old ones; nothing may be added any more."""
        hashes = np.frombuffer(self._hashes, np.int64) if self._hashes else np.empty(0, np.int64)
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        last = np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)]
        return Comparison(self, ordered[last], order[last])

    def sentiments(self, indices: NDArray[np.int64]) -> NDArray[np.uint16]:
        """The numbers of the classes at these indices."""
        return np.asarray(self._sentiments, np.uint16)[indices]

    def scores(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """The scores at these indices."""
        return np.asarray(self._scores, np.float32)[indices]

    def id_at(self, index: int) -> str:
        """The id at a place."""
        start = self._id_ends[index - 1] if index else 0
        return self._ids[start : self._id_ends[index]].decode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Statistics:
    """What came of a comparison. Counts are of records, differences between scores of `score_class` (0 to 1)."""

    results: int
    compared: int
    confusion: dict[str, dict[str, int]]  # old class, new class
    new_classes: dict[str, int]  # of all results, whether compared or not
    old_versions: dict[str, int]
    score_class: str
    mean_absolute_difference: float | None
    largest: list[Change]


class Comparison:
    """New results, sorted by the hash of their ids, and what the old ones of the same ids say."""

    def __init__(self, new: NewResults, hashes: NDArray[np.int64], indices: NDArray[np.int64]) -> None:
        self._new = new
        # To look into arrays one by one, Python's are faster than NumPy's.
        self._hashes = array("q", hashes.tobytes())
        self._indices = indices
        self._versions = Names()
        self._sentiments = array("H", [_NONE]) * len(hashes)
        self._version_numbers = array("H", [0]) * len(hashes)
        self._scores = array("f", [float("nan")]) * len(hashes)
        self._times = array("q", [_LONG_AGO]) * len(hashes)

    def add_old(self, timestamp_ms: int, sentiment: Sentiment) -> None:
        """An old result and the timestamp of its record; the latest of an id counts, of equal ones the last."""
        wanted = hash(sentiment.id)
        index = bisect_left(self._hashes, wanted)
        if index < len(self._hashes) and self._hashes[index] == wanted and timestamp_ms >= self._times[index]:
            self._times[index] = timestamp_ms
            self._sentiments[index] = self._new.classes.number(sentiment.sentiment)
            self._version_numbers[index] = self._versions.number(f"{sentiment.model}@{sentiment.version}")
            self._scores[index] = sentiment.scores.get(self._new.score_class, float("nan"))

    def statistics(self, largest: int = 10) -> Statistics:
        """The result; `largest` is how many of the largest changes are told."""
        new_sentiments, new_scores = self._new.sentiments(self._indices), self._new.scores(self._indices)
        old_sentiments = np.asarray(self._sentiments)
        found = old_sentiments != _NONE
        differences = np.abs(new_scores - np.asarray(self._scores))
        known = np.flatnonzero(~np.isnan(differences))
        names = self._new.classes.names()
        confusion: dict[str, dict[str, int]] = {}
        for number, old in enumerate(names):
            if counts := _counted(new_sentiments[old_sentiments == number], names):
                confusion[old] = counts
        changed = known[differences[known] > 0]
        top = changed[np.argsort(-differences[changed], kind="stable")[:largest]]
        return Statistics(
            results=len(self._hashes),
            compared=int(found.sum()),
            confusion=confusion,
            new_classes=_counted(new_sentiments, names),
            old_versions=_counted(np.asarray(self._version_numbers)[found], self._versions.names()),
            score_class=self._new.score_class,
            mean_absolute_difference=float(differences[known].mean(dtype=np.float64)) if len(known) else None,
            largest=[self._change(int(index), names, new_sentiments, new_scores) for index in top],
        )

    def _change(
        self, index: int, names: list[str], new_sentiments: NDArray[np.uint16], new_scores: NDArray[np.float32]
    ) -> Change:
        return Change(
            self._new.id_at(int(self._indices[index])),
            names[self._sentiments[index]],
            names[new_sentiments[index]],
            round(float(self._scores[index]), 6),
            round(float(new_scores[index]), 6),
        )


def _counted(numbers: NDArray[np.uint16], names: list[str]) -> dict[str, int]:
    counts = np.bincount(numbers, minlength=len(names)).tolist()
    return {name: count for name, count in zip(names, counts, strict=True) if count}
