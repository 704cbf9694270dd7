"""Old results against new ones in little memory: 80 bytes a record with an id of 36, in a table of SQLite."""

from __future__ import annotations

import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from worker.messages import Sentiment

_TABLE = (
    "CREATE TABLE results (id BLOB PRIMARY KEY, new INTEGER, new_score REAL, "
    "old INTEGER, old_version INTEGER, old_score REAL, old_time INTEGER) WITHOUT ROWID"
)
_DIFFERENCE = "abs(new_score - old_score)"


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


class NewResults:
    """Collects the new results, of which the last one of an id counts."""

    def __init__(self, score_class: str) -> None:
        self.score_class = score_class
        self.classes = Names()
        self.table = sqlite3.connect(":memory:")
        self.table.execute("PRAGMA journal_mode = OFF")
        self.table.execute(_TABLE)
        weakref.finalize(self, self.table.close)

    def add(self, sentiment: Sentiment) -> None:
        """One more."""
        self.table.execute(
            "INSERT OR REPLACE INTO results VALUES (?, ?, ?, NULL, NULL, NULL, NULL)",
            (_key(sentiment), self.classes.number(sentiment.sentiment), sentiment.scores.get(self.score_class)),
        )

    def compare(self) -> Comparison:
        """To hold them against the old ones; nothing may be added any more."""
        return Comparison(self)


class Comparison:
    """New results by their ids, and what the old ones of the same ids say."""

    def __init__(self, new: NewResults) -> None:
        self._new = new
        self._versions = Names()

    def add_old(self, timestamp_ms: int, sentiment: Sentiment) -> None:
        """An old result and the timestamp of its record; the latest of an id counts, of equal ones the last."""
        new = self._new
        number, version = new.classes.number(sentiment.sentiment), f"{sentiment.model}@{sentiment.version}"
        score = sentiment.scores.get(new.score_class)
        new.table.execute(
            "UPDATE results SET old = ?, old_version = ?, old_score = ?, old_time = ? "
            "WHERE id = ? AND ifnull(old_time <= ?, TRUE)",
            (number, self._versions.number(version), score, timestamp_ms, _key(sentiment), timestamp_ms),
        )

    def statistics(self, largest: int = 10) -> Statistics:
        """The result; `largest` is how many of the largest changes are told."""
        select, names, versions = self._new.table.execute, self._new.classes.names(), self._versions.names()
        pairs = Counter(select("SELECT old, new FROM results WHERE old IS NOT NULL"))
        confusion: dict[str, dict[str, int]] = {}
        for (old, new), count in sorted(pairs.items()):
            confusion.setdefault(names[old], {})[names[new]] = count
        [(results, mean)] = select(f"SELECT count(*), avg({_DIFFERENCE}) FROM results")
        changed = select(
            f"SELECT id, old, new, old_score, new_score FROM results WHERE {_DIFFERENCE} > 0 "
            f"ORDER BY {_DIFFERENCE} DESC LIMIT ?",
            (largest,),
        )
        return Statistics(
            results=results,
            compared=pairs.total(),
            confusion=confusion,
            new_classes=_counted(select("SELECT new FROM results"), names),
            old_versions=_counted(select("SELECT old_version FROM results WHERE old IS NOT NULL"), versions),
            score_class=self._new.score_class,
            mean_absolute_difference=mean,
            largest=[
                Change(key.decode("utf-8", "surrogatepass"), names[old], names[new], round(before, 6), round(after, 6))
                for key, old, new, before, after in changed
            ],
        )


def _key(sentiment: Sentiment) -> bytes:
    return sentiment.id.encode("utf-8", "surrogatepass")


def _counted(numbers: Iterable[tuple[int]], names: list[str]) -> dict[str, int]:
    return {names[number]: count for (number,), count in sorted(Counter(numbers).items())}
