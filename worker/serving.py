"""A batch's reviews, each scored by the version that the lineup has for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.scorer import Scorer
from worker.broker import Record
from worker.errors import EngineBroken
from worker.lineup import Lineup
from worker.messages import Review
from worker.metrics import Metrics
from worker.scoring import Score, Scored, score_batch


@dataclass(frozen=True, slots=True)
class Part:
    """What one version made of its share of a batch: its scores by the records' places."""

    scorer: Scorer
    scores: dict[int, Score]
    scored: Scored


@dataclass(slots=True)
class Served:
    """A batch's scores: each place is in one part or in `failed`, which holds the stable engine's complaints.

    `canary_failed` are the places that the canary could not score; the stable version is asked for them too, so that
    nothing is lost by trying a version. `canary_broken` is why its engine scores nothing any more.
    """

    parts: list[Part] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    canary_failed: list[int] = field(default_factory=list)
    canary_broken: str = ""

    @property
    def failed_by_canary_alone(self) -> list[int]:
        """The places that the canary could not score and the stable version did."""
        return [place for place in self.canary_failed if place not in self.failed]


def serve(lineup: Lineup, records: Sequence[Record], reviews: Mapping[int, Review], metrics: Metrics) -> Served:
    """Score all reviews, given by their records' places. Raises EngineBroken when the stable version's engine is."""
    served = Served()
    if not reviews:
        return served
    stable, canary = lineup.divide(records, reviews)
    if canary:
        assert lineup.canary is not None
        _score_canary(lineup.canary.scorer, canary, reviews, metrics, served)
        stable = sorted([*stable, *served.canary_failed])
    if stable:
        failed = _score(lineup.stable, stable, reviews, metrics, served)
        served.failed.update(failed)
    return served


def _score_canary(
    scorer: Scorer, places: list[int], reviews: Mapping[int, Review], metrics: Metrics, served: Served
) -> None:
    try:
        served.canary_failed.extend(_score(scorer, places, reviews, metrics, served))
    except EngineBroken as broken:
        served.canary_broken = str(broken)
        served.canary_failed.extend(places)


def _score(
    scorer: Scorer, places: list[int], reviews: Mapping[int, Review], metrics: Metrics, served: Served
) -> dict[int, str]:
    """The complaints of those that failed, by their places."""
    scored = score_batch(scorer, [reviews[place].text for place in places], metrics)
    scores = {places[number]: score for number, score in scored.scores.items()}
    served.parts.append(Part(scorer, scores, scored))
    return {places[number]: complaint for number, complaint in scored.failed.items()}
