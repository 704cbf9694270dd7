"""A text that breaks the engine costs only itself; an engine that is broken stops the worker."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from models.artifact import read_encoder, read_manifest
from models.engines.engine import FASTEST, Engine, load_engine
from models.registry.registry import Registry
from models.scorer import Scorer
from models.text import Tokens
from tests.reviews import sample
from worker.errors import EngineBroken
from worker.observability.metrics import Metrics
from worker.serving.scoring import score_batch

ARTIFACT = Registry().resolve("imdb").path
MANIFEST = read_manifest(ARTIFACT)
ENCODER = read_encoder(ARTIFACT, MANIFEST.text)
CULPRIT_WORDS = 77
CULPRIT = "good " * CULPRIT_WORDS
TEXTS = [text for text in sample().texts[:100] if ENCODER.encode([text]).lengths[0] != CULPRIT_WORDS][:50]


class Breaking:
    """The real engine, except that it raises, or returns other scores, where it is told to."""

    def __init__(self, breaks: Callable[[Tokens], bool], wrong_by: float = 0.0) -> None:
        self._engine: Engine = load_engine(FASTEST, ARTIFACT, MANIFEST, 1)
        self._breaks = breaks
        self._wrong_by = wrong_by
        self.name = self._engine.name
        self.calls = 0

    def infer(self, tokens: Tokens) -> tuple[NDArray[np.float32], int]:
        self.calls += 1
        if self._breaks(tokens):
            raise FloatingPointError("the engine cannot take this")
        probabilities, padded = self._engine.infer(tokens)
        return probabilities + np.float32(self._wrong_by), padded


def scorer_on(engine: Engine) -> Scorer:
    return Scorer(MANIFEST, ENCODER, engine, ARTIFACT)


def has_culprit(tokens: Tokens) -> bool:
    return CULPRIT_WORDS in tokens.lengths


def test_all_texts_are_scored_in_their_places() -> None:
    scored = score_batch(scorer_on(Breaking(lambda _: False)), TEXTS, Metrics())
    alone = score_batch(scorer_on(Breaking(lambda _: False)), TEXTS[17:18], Metrics())
    assert (list(scored.scores), scored.failed) == (list(range(50)), {})
    assert scored.scores[17][1] == pytest.approx(alone.scores[0][1], abs=2e-6)


def test_an_empty_batch_asks_nothing_of_the_engine() -> None:
    engine = Breaking(lambda _: True)
    scored = score_batch(scorer_on(engine), [], Metrics())
    assert (scored.scores, scored.failed, engine.calls) == ({}, {}, 0)


@pytest.mark.parametrize("indices", [[0], [49], [24, 25], [3, 17, 40], list(range(50))])
def test_only_the_culprits_of_a_batch_fail(indices: list[int]) -> None:
    texts = [CULPRIT if index in indices else text for index, text in enumerate(TEXTS)]
    scored = score_batch(scorer_on(Breaking(has_culprit)), texts, Metrics())
    assert sorted(scored.failed) == indices
    assert sorted([*scored.scores, *scored.failed]) == list(range(50))
    assert set(scored.failed.values()) == {"FloatingPointError: the engine cannot take this"}


def test_one_culprit_is_found_in_few_steps() -> None:
    engine = Breaking(has_culprit)
    scorer = scorer_on(engine)
    scorer.check_golden()
    golden_calls = engine.calls
    score_batch(scorer, [*TEXTS[:31], CULPRIT], Metrics())
    assert engine.calls - 2 * golden_calls <= 2 * 5 + 2


def test_an_engine_that_fails_on_its_golden_texts_too_stops_the_worker() -> None:
    with pytest.raises(EngineBroken, match="golden texts fail too"):
        score_batch(scorer_on(Breaking(lambda _: True)), TEXTS, Metrics())


def test_an_engine_that_scores_its_golden_texts_otherwise_stops_the_worker() -> None:
    with pytest.raises(EngineBroken, match="does not score its golden set as when it was published"):
        score_batch(scorer_on(Breaking(has_culprit, wrong_by=0.01)), [*TEXTS, CULPRIT], Metrics())
