"""How far live traffic is from the profile of a version: texts that its training held out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from models.artifact import Manifest
from models.profile import Profile, count_by_bin
from models.scorer import Scorer
from worker.observability.metrics import Metrics
from worker.serving.results import VersionScores

STATS = ("class_mix", "length", "coverage")
FEWEST_REVIEWS = 500  # by chance alone ten bins of so many on each side come to 0.08 once in a hundred times
WINDOW_REVIEWS = 10_000
_FADING_REVIEWS = WINDOW_REVIEWS / 2  # fading so fast, reviews are as old on average as in a window of that size

log = structlog.get_logger(__name__)


class Drift:
    """Counts of about the last 10,000 reviews, compared with the profile in a version's manifest.

    The distance is the population stability index. By the usual reading (Siddiqi, Credit Risk Scorecards, 2006) there
    is no change below 0.1, some from 0.1 to 0.25, and a large one above 0.25. `class_mix` are the model's own answers,
    `length` known words a review, `coverage` the share of words that the model knows: large coverage drift is another
    language or subject (or texts that were learnt from, all of whose words are known), large length drift another kind
    of text; class mix alone is news, or spam.

    For one thread; memory is constant.
    """

    def __init__(self, profile: Profile) -> None:
        expected = {
            "class_mix": tuple(profile.predicted_class_mix.values()),
            "length": profile.length.shares,
            "coverage": profile.coverage.shares,
        }
        self._expected = {signal: np.array(shares) * profile.texts for signal, shares in expected.items()}
        self._edges = {"length": np.array(profile.length.edges), "coverage": np.array(profile.coverage.edges)}
        self._counts = {signal: np.zeros(len(shares)) for signal, shares in expected.items()}
        self._classes = len(profile.predicted_class_mix)
        self._seen = 0

    @classmethod
    def of(cls, manifest: Manifest) -> Drift | None:
        """None where the manifest has no profile, or one that this release cannot read: scoring needs none."""
        try:
            profile = Profile.from_manifest(manifest)
            return cls(profile) if profile else None
        except Exception as error:  # noqa: BLE001 - whatever stands there, the stream goes on
            log.warning("drift is not measured", model=manifest.name, version=manifest.version, reason=str(error))
            return None

    def observe(
        self, lengths: NDArray[np.int32], coverage: NDArray[np.float32], class_indices: NDArray[np.integer]
    ) -> None:
        """Count a batch: `Tokens.lengths`, `Tokens.coverage` and the model's answers, each (reviews,)."""
        if not len(lengths):
            return
        self._seen += len(lengths)
        found = {
            "class_mix": np.bincount(class_indices, minlength=self._classes),
            "length": count_by_bin(self._edges["length"], lengths),
            "coverage": count_by_bin(self._edges["coverage"], coverage),
        }
        fading = math.exp(-len(lengths) / _FADING_REVIEWS)
        for signal, counts in self._counts.items():
            counts *= fading
            counts += found[signal]

    def distances(self) -> Mapping[str, float]:
        """The population stability index by signal; empty until FEWEST_REVIEWS were seen."""
        if self._seen < FEWEST_REVIEWS:
            return {}
        return {signal: stability_index(self._expected[signal], counts) for signal, counts in self._counts.items()}


class DriftMeter:
    """The drift of the version in service, for its metric; begins anew with another version."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._scorer: Scorer | None = None
        self._drift: Drift | None = None

    def observe(self, scorer: Scorer, parts: Sequence[VersionScores]) -> None:
        """Count what this version made of its share of a batch."""
        part = next((part for part in parts if part.scorer is scorer and part.scores), None)
        if part is None:
            return
        if scorer is not self._scorer:
            self._scorer, self._drift = scorer, Drift.of(scorer.manifest)
            self._metrics.drift.clear()
        if self._drift is None:
            return
        scores = part.scores.values()
        answers = np.fromiter((score.best for score in scores), np.int64, len(scores))
        coverage = np.fromiter((score.coverage for score in scores), np.float32, len(scores))
        self._drift.observe(np.concatenate(part.scored.lengths), coverage, answers)

    def show(self) -> None:
        """Set the gauges, where enough was seen."""
        for signal, distance in (self._drift.distances() if self._drift else {}).items():
            assert self._scorer is not None
            self._metrics.drift.labels(self._scorer.name, self._scorer.version, signal).set(distance)


def stability_index(expected: NDArray[Any], found: NDArray[Any]) -> float:
    """The population stability index of two histograms, as counts by bin: 0 where shares are equal, never infinite.

    Half a text is added to every bin, so that one that is empty on one side weighs what so few texts can tell.
    """
    expected_shares, found_shares = ((counts + 0.5) / (counts.sum() + len(counts) / 2) for counts in (expected, found))
    return float(np.sum((found_shares - expected_shares) * np.log(found_shares / expected_shares)))
