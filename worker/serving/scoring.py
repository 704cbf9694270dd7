"""Scores for a batch of reviews: each by its version, even where a review breaks the engine or an engine is broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models.errors import BrokenArtifact
from models.scorer import Scorer
from worker.errors import EngineBroken
from worker.kafka.types import Record
from worker.messages import Review
from worker.observability.metrics import Metrics
from worker.serving.results import Part, Score, Scored, Served
from worker.serving.routing import Lineup


def score_batch(scorer: Scorer, texts: Sequence[str], metrics: Metrics) -> Scored:
    """Score all texts, or all but those that the engine cannot take.

    When a batch fails, the model's golden texts are scored first: if they fail too the engine is broken, not the
    batch. Otherwise the batch is halved until only the culprits are left. Raises EngineBroken.
    """
    scored = Scored(scorer)
    if not texts:
        return scored
    try:
        _score(scorer, texts, range(len(texts)), metrics, scored)
    except Exception as error:  # noqa: BLE001 - an engine may raise anything, and nothing may stop the stream
        _check_engine(scorer, error)
        for place, complaint in _bisect(scorer, texts, range(len(texts)), metrics, scored):
            scored.failed[place] = complaint
    return scored


def _score(scorer: Scorer, texts: Sequence[str], places: range, metrics: Metrics, scored: Scored) -> None:
    with metrics.stage("tokenize"):
        tokens = scorer.tokenize([texts[place] for place in places])
    with metrics.stage("infer"):
        result = scorer.infer(tokens)
    best = result.probabilities.argmax(axis=1).tolist()
    shares = result.probabilities.astype("float64").round(6).tolist()
    coverage = result.coverage.astype("float64").round(6).tolist()
    scored.scores.update(zip(places, map(Score, best, shares, coverage), strict=True))
    scored.lengths.append(tokens.lengths)
    metrics.batch_tokens.observe(result.tokens)
    metrics.padding.set(1 - result.tokens / max(1, result.padded_tokens))
    metrics.coverage.set(float(result.coverage.mean()))


def _bisect(
    scorer: Scorer, texts: Sequence[str], places: range, metrics: Metrics, scored: Scored
) -> Iterator[tuple[int, str]]:
    try:
        _score(scorer, texts, places, metrics, scored)
    except Exception as error:  # noqa: BLE001 - see score_batch
        if len(places) == 1:
            yield places[0], f"{type(error).__name__}: {error}"
            return
        middle = len(places) // 2
        yield from _bisect(scorer, texts, places[:middle], metrics, scored)
        yield from _bisect(scorer, texts, places[middle:], metrics, scored)


def _check_engine(scorer: Scorer, error: Exception) -> None:
    try:
        scorer.check_golden()
    except BrokenArtifact as broken:
        raise EngineBroken(
            f"the engine is broken: {broken} (the batch failed with {error}); restart the worker"
        ) from error
    except Exception as broken:  # noqa: BLE001 - see score_batch
        raise EngineBroken(f"the engine is broken, its golden texts fail too: {broken}; restart the worker") from error


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
        failed = _score_version(lineup.stable, stable, reviews, metrics, served)
        served.failed.update(failed)
    return served


def _score_canary(
    scorer: Scorer, places: list[int], reviews: Mapping[int, Review], metrics: Metrics, served: Served
) -> None:
    try:
        served.canary_failed.extend(_score_version(scorer, places, reviews, metrics, served))
    except EngineBroken as broken:
        served.canary_broken = str(broken)
        served.canary_failed.extend(places)


def _score_version(
    scorer: Scorer, places: list[int], reviews: Mapping[int, Review], metrics: Metrics, served: Served
) -> dict[int, str]:
    """The complaints of those that failed, by their places."""
    scored = score_batch(scorer, [reviews[place].text for place in places], metrics)
    scores = {places[number]: score for number, score in scored.scores.items()}
    served.parts.append(Part(scorer, scores, scored))
    return {places[number]: complaint for number, complaint in scored.failed.items()}
