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
class Candidate:
    """A version that is being tried, with the share (0 to 1) of records that it scores, and since when, as labelled."""

    scorer: Scorer
    fraction: float
    since: str = ""


@dataclass(frozen=True, slots=True)
class LoadFailure:
    """A canary that the labels name and that this worker cannot use, and why."""

    version: int
    since: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActiveVersions:
    """The versions in use; immutable, so that one batch sees one state of the labels from its start to its end."""

    stable: Scorer
    canary: Candidate | None = None
    shadow: Candidate | None = None
    load_failure: LoadFailure | None = None

    def split(self, records: Sequence[Record], indices: Iterable[int]) -> tuple[list[int], list[int]]:
        """The indices of the records that the stable version scores, and of those that the canary does."""
        if self.canary is None:
            return list(indices), []
        limit = self.canary.fraction * _HASHES
        stable: list[int] = []
        canary: list[int] = []
        for index in indices:
            (canary if _hash(records[index]) < limit else stable).append(index)
        return stable, canary

    def sample(self, records: Sequence[Record], indices: Iterable[int]) -> list[int]:
        """The indices of the records that the shadow scores too."""
        if self.shadow is None:
            return []
        limit = self.shadow.fraction * _HASHES
        return [index for index in indices if _spread(records[index]) < limit]


def _hash(record: Record) -> int:
    """From 0 to 2^32: the same for a key always, so that a key stays with its version while the share stays or grows.

    Records without a key have nothing to be kept together by, and are spread one by one.
    """
    # Not the hash that puts keys on partitions: a canary must meet keys of all of them.
    return _spread(record) if record.key is None else zlib.crc32(record.key)


def _spread(record: Record) -> int:
    """From 0 to 2^32 by the record's place in the topic: the same when its batch is done again."""
    return zlib.crc32(b"%d-%d" % (record.partition, record.offset))


class Experiment(NamedTuple):
    """Which versions are held against each other, and since when the labels say so: one trial, and no earlier one."""

    stable: int
    canary: int
    since: str = ""

    @classmethod
    def of(cls, active_versions: ActiveVersions) -> Experiment | None:
        """The one that these versions are in; None without a canary."""
        if active_versions.canary is not None:
            return cls(
                active_versions.stable.version, active_versions.canary.scorer.version, active_versions.canary.since
            )
        if active_versions.load_failure is not None:
            return cls(
                active_versions.stable.version, active_versions.load_failure.version, active_versions.load_failure.since
            )
        return None

    @classmethod
    def labelled(cls, labels: Mapping[str, Any]) -> Experiment | None:
        """The one that the labels name, whether or not a worker can use its versions; None without a canary."""
        stable, canary = version_of(labels.get(STABLE)), version_of(labels.get(CANARY))
        if stable is None or canary is None or stable == canary:
            return None
        return cls(stable, canary, since_of(labels[CANARY]))
