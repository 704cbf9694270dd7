"""Scores for a batch of texts when one of them may break the engine, or the engine itself may be broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import BrokenArtifact
from models.scorer import Scorer
from worker.errors import EngineBroken
from worker.metrics import Metrics


class Score(NamedTuple):
    """The place of the most probable class, the score of each class, the share of known words."""

    best: int
    shares: list[float]
    coverage: float


@dataclass(slots=True)
class Scored:
    """What became of texts that one version scored, by their places: each is in exactly one of the two.

    `failed` holds the engine's complaints; `lengths` the numbers of word ids, in the order of `scores`.
    """

    scorer: Scorer
    scores: dict[int, Score] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    lengths: list[NDArray[np.int32]] = field(default_factory=list)


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
