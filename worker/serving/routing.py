"""Which loaded versions of the model score what."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from models.registry.labels import CANARY, STABLE, since_of, version_of
from models.scorer import Scorer
from worker.kafka.types import Record

_HASHES = 1 << 32


@dataclass(frozen=True, slots=True)
class Trial:
    """A version that is being tried, with the share (0 to 1) of records that it scores, and since when, as labelled."""

    scorer: Scorer
    share: float
    since: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A canary that the labels name and that this worker cannot use, and why."""

    version: int
    since: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Lineup:
    """The versions in use; immutable, so that one batch sees one state of the labels from its start to its end."""

    stable: Scorer
    canary: Trial | None = None
    shadow: Trial | None = None
    refusal: Refusal | None = None

    def divide(self, records: Sequence[Record], places: Iterable[int]) -> tuple[list[int], list[int]]:
        """The places of the records that the stable version scores, and of those that the canary does."""
        if self.canary is None:
            return list(places), []
        limit = self.canary.share * _HASHES
        stable: list[int] = []
        canary: list[int] = []
        for place in places:
            (canary if _hash(records[place]) < limit else stable).append(place)
        return stable, canary

    def sample(self, records: Sequence[Record], places: Iterable[int]) -> list[int]:
        """The places of the records that the shadow scores too."""
        if self.shadow is None:
            return []
        limit = self.shadow.share * _HASHES
        return [place for place in places if _spread(records[place]) < limit]


def _hash(record: Record) -> int:
    """From 0 to 2^32: the same for a key always, so that a key stays with its version while the share stays or grows.

    Records without a key have nothing to be kept together by, and are spread one by one.
    """
    # Not the hash that puts keys on partitions: a canary must meet keys of all of them.
    return _spread(record) if record.key is None else zlib.crc32(record.key)


def _spread(record: Record) -> int:
    """From 0 to 2^32 by the record's place in the topic: the same when its batch is done again."""
    return zlib.crc32(b"%d-%d" % (record.partition, record.offset))


class Contest(NamedTuple):
    """Which versions are held against each other, and since when the labels say so: one trial, and no earlier one."""

    stable: int
    canary: int
    since: str = ""

    @classmethod
    def of(cls, lineup: Lineup) -> Contest | None:
        """The one that the lineup is about; None without a canary."""
        if lineup.canary is not None:
            return cls(lineup.stable.version, lineup.canary.scorer.version, lineup.canary.since)
        if lineup.refusal is not None:
            return cls(lineup.stable.version, lineup.refusal.version, lineup.refusal.since)
        return None

    @classmethod
    def labelled(cls, labels: Mapping[str, Any]) -> Contest | None:
        """The one that the labels name, whether or not a worker can use its versions; None without a canary."""
        stable, canary = version_of(labels.get(STABLE)), version_of(labels.get(CANARY))
        if stable is None or canary is None or stable == canary:
            return None
        return cls(stable, canary, since_of(labels[CANARY]))
