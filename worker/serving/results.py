"""What scoring a batch gives: the scores of each version, and what failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.scorer import Scorer


class Score(NamedTuple):
    """The index of the most probable class, the score of each class, the share of known words."""

    best: int
    probabilities: list[float]
    coverage: float


@dataclass(slots=True)
class Scored:
    """What became of texts that one version scored, by their indices: each is in exactly one of the two.

    `failed` holds the engine's reasons; `lengths` the numbers of word ids, in the order of `scores`.
    """

    scorer: Scorer
    scores: dict[int, Score] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    lengths: list[NDArray[np.int32]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VersionScores:
    """What one version made of its share of a batch: its scores by the records' indices."""

    scorer: Scorer
    scores: dict[int, Score]
    scored: Scored


@dataclass(slots=True)
class BatchScores:
    """A batch's scores: each index is in one part or in `failed`, which holds the stable engine's reasons.

    `canary_failed` are the indices that the canary could not score; the stable version is asked for them too, so that
    nothing is lost by trying a version. `canary_broken` is why its engine scores nothing any more.
    """

    parts: list[VersionScores] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    canary_failed: list[int] = field(default_factory=list)
    canary_broken: str = ""

    @property
    def versions(self) -> set[int]:
        """The versions that scored any of the reviews."""
        return {part.scorer.version for part in self.parts}

    @property
    def tokens(self) -> int:
        """How many word ids were scored."""
        return sum(int(lengths.sum()) for part in self.parts for lengths in part.scored.lengths)

    @property
    def failed_by_canary_alone(self) -> list[int]:
        """The indices that the canary could not score and the stable version did."""
        return [index for index in self.canary_failed if index not in self.failed]
