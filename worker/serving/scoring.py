"""Scores for a batch of reviews: each by its version, even where a review breaks the engine or an engine is broken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models.errors import BrokenArtifact
from models.scorer import Scorer
from worker.errors import EngineBroken
from worker.kafka.types import Record
from worker.messages import Review
from worker.observability.metrics import Metrics
from worker.serving.results import BatchScores, Score, Scored, VersionScores
from worker.serving.routing import ActiveVersions


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
        for index, reason in _bisect(scorer, texts, range(len(texts)), metrics, scored):
            scored.failed[index] = reason
    return scored


def _score(scorer: Scorer, texts: Sequence[str], indices: range, metrics: Metrics, scored: Scored) -> None:
    with metrics.stage("tokenize"):
        tokens = scorer.tokenize([texts[index] for index in indices])
    with metrics.stage("infer"):
        result = scorer.infer(tokens)
    best = result.probabilities.argmax(axis=1).tolist()
    probabilities = result.probabilities.astype("float64").round(6).tolist()
    coverage = result.coverage.astype("float64").round(6).tolist()
    scored.scores.update(zip(indices, map(Score, best, probabilities, coverage), strict=True))
    scored.lengths.append(tokens.lengths)
    metrics.batch_tokens.observe(result.tokens)
    metrics.padding.set(1 - result.tokens / max(1, result.padded_tokens))
    metrics.coverage.set(float(result.coverage.mean()))


def _bisect(
    scorer: Scorer, texts: Sequence[str], indices: range, metrics: Metrics, scored: Scored
) -> Iterator[tuple[int, str]]:
    try:
        _score(scorer, texts, indices, metrics, scored)
    except Exception as error:  # noqa: BLE001 - see score_batch
        if len(indices) == 1:
            yield indices[0], f"{type(error).__name__}: {error}"
            return
        middle = len(indices) // 2
        yield from _bisect(scorer, texts, indices[:middle], metrics, scored)
        yield from _bisect(scorer, texts, indices[middle:], metrics, scored)


def _check_engine(scorer: Scorer, error: Exception) -> None:
    try:
        scorer.check_golden()
    except BrokenArtifact as broken:
        raise EngineBroken(
            f"the engine is broken: {broken} (the batch failed with {error}); restart the worker"
        ) from error
    except Exception as broken:  # noqa: BLE001 - see score_batch
        raise EngineBroken(f"the engine is broken, its golden texts fail too: {broken}; restart the worker") from error


def score_reviews(
    active_versions: ActiveVersions, records: Sequence[Record], reviews: Mapping[int, Review], metrics: Metrics
) -> BatchScores:
    """Score all reviews, given by their records' indices. Raises EngineBroken when the stable version's engine is."""
    batch_scores = BatchScores()
    if not reviews:
        return batch_scores
    stable, canary = active_versions.split(records, reviews)
    if canary:
        assert active_versions.canary is not None
        _score_canary(active_versions.canary.scorer, canary, reviews, metrics, batch_scores)
        stable = sorted([*stable, *batch_scores.canary_failed])
    if stable:
        failed = _score_version(active_versions.stable, stable, reviews, metrics, batch_scores)
        batch_scores.failed.update(failed)
    return batch_scores


def _score_canary(
    scorer: Scorer, indices: list[int], reviews: Mapping[int, Review], metrics: Metrics, batch_scores: BatchScores
) -> None:
    try:
        batch_scores.canary_failed.extend(_score_version(scorer, indices, reviews, metrics, batch_scores))
    except EngineBroken as broken:
        batch_scores.canary_broken = str(broken)
        batch_scores.canary_failed.extend(indices)


def _score_version(
    scorer: Scorer, indices: list[int], reviews: Mapping[int, Review], metrics: Metrics, batch_scores: BatchScores
) -> dict[int, str]:
    """The reasons of those that failed, by their indices."""
    scored = score_batch(scorer, [reviews[index].text for index in indices], metrics)
    scores = {indices[number]: score for number, score in scored.scores.items()}
    batch_scores.parts.append(VersionScores(scorer, scores, scored))
    return {indices[number]: reason for number, reason in scored.failed.items()}
