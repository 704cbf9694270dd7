from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from models.artifact import Manifest, read_golden
from models.profile import FIELD, Histogram
from models.registry.registry import Registry
from models.scorer import Scorer
from tests.reviews import sample
from tests.worker.stream import Stream
from trainer.data.texts import LabelledTexts
from trainer.profile import measure_profile
from worker.serving.drift import FEWEST_REVIEWS, STATS, Drift, stability_index

BATCH = 256
MODELS = ("imdb@1", "reviews@stable")
OTHER_LANGUAGES = (
    "Dieser Film war leider eine Entt\u00e4uschung, die Handlung ist zu langsam und ohne jede \u00dcberraschung.",
    "Un film magnifique, les acteurs sont formidables et l'histoire nous emporte jusqu'au bout.",
    "Una pel\u00edcula aburrida y demasiado larga, no la recomiendo a nadie que tenga algo mejor que hacer.",
    "\u041e\u0447\u0435\u043d\u044c \u0445\u043e\u0440\u043e\u0448\u0438\u0439 \u0444\u0438\u043b\u044c\u043c",
)


def part(start: int, end: int) -> LabelledTexts:
    indices = np.arange(len(sample()))
    return sample().take((start <= indices) & (indices < end))


def manifest_with_profile(scorer: Scorer) -> Manifest:
    training = scorer.manifest.training | {FIELD: measure_profile(scorer, part(0, 1_000)).to_json()}
    return replace(scorer.manifest, training=training)


@pytest.fixture(scope="module", params=MODELS)
def scorer(request: pytest.FixtureRequest) -> Scorer:
    return Scorer.load(Registry().resolve(request.param).path, verify=False)


@pytest.fixture(scope="module")
def manifest(scorer: Scorer) -> Manifest:
    return manifest_with_profile(scorer)


@pytest.fixture
def drift(manifest: Manifest) -> Drift:
    made = Drift.of(manifest)
    assert made
    return made


def feed(drift: Drift, scorer: Scorer, texts: Sequence[str], times: int = 1) -> None:
    for batch in _batches(texts):
        tokens = scorer.tokenize(batch)
        answers = scorer.infer(tokens).probabilities.argmax(axis=1)
        for _ in range(times):
            drift.observe(tokens.lengths, tokens.coverage, answers)


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[index : index + BATCH] for index in range(0, len(texts), BATCH))


def test_texts_like_those_of_the_training_do_not_drift(drift: Drift, scorer: Scorer) -> None:
    feed(drift, scorer, part(1_000, 2_000).texts)
    distances = drift.distances()
    assert tuple(distances) == STATS
    assert all(0 <= distance < 0.1 for distance in distances.values()), distances


def test_tweets_are_shorter_than_reviews(drift: Drift, scorer: Scorer) -> None:
    tweets = [each.text for each in read_golden(Registry().resolve("airline@1").path)]
    feed(drift, scorer, tweets, times=40)
    assert drift.distances()["length"] > 1


def test_other_languages_have_few_known_words(drift: Drift, scorer: Scorer) -> None:
    feed(drift, scorer, OTHER_LANGUAGES, times=200)
    assert drift.distances()["coverage"] > 1


@pytest.mark.parametrize("label", [0, 1])
def test_reviews_of_one_class_only_change_the_class_mix_alone(drift: Drift, scorer: Scorer, label: int) -> None:
    reviews = part(1_000, 2_000)
    feed(drift, scorer, reviews.take(reviews.labels == label).texts, times=2)
    distances = drift.distances()
    assert distances["class_mix"] > 0.25
    assert max(distances["length"], distances["coverage"]) < 0.1


def test_too_few_reviews_tell_nothing(drift: Drift) -> None:
    few = FEWEST_REVIEWS - 1
    drift.observe(np.ones(few, np.int32), np.ones(few, np.float32), np.zeros(few, np.int64))
    drift.observe(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    assert drift.distances() == {}


def test_what_was_long_ago_is_forgotten(drift: Drift, scorer: Scorer) -> None:
    feed(drift, scorer, OTHER_LANGUAGES, times=200)
    assert drift.distances()["length"] > 1
    feed(drift, scorer, part(1_000, 2_000).texts, times=40)
    assert all(distance < 0.1 for distance in drift.distances().values())


def test_a_version_without_a_readable_profile_has_no_drift(manifest: Manifest) -> None:
    assert Drift.of(replace(manifest, training={})) is None
    assert Drift.of(replace(manifest, training={FIELD: {"texts": 1}})) is None


def test_one_value_only_is_compared_all_the_same() -> None:
    histogram = Histogram.of(np.ones(1_000))
    expected = np.array(histogram.shares) * 1_000
    assert stability_index(expected, np.array([0, 700])) < 0.001
    assert stability_index(expected, np.array([700, 0])) > 1


def test_the_index_is_the_sum_that_the_literature_gives() -> None:
    expected, found = np.array([40_000, 60_000]), np.array([50_000, 50_000])
    by_hand = (0.5 - 0.4) * np.log(0.5 / 0.4) + (0.5 - 0.6) * np.log(0.5 / 0.6)
    assert stability_index(expected, found) == pytest.approx(by_hand, rel=1e-3)


def test_a_worker_shows_how_far_its_reviews_are_from_what_the_model_learnt_from() -> None:
    stream = Stream(Scorer.load(Registry().resolve("airline").path, verify=False))
    stream.send(*({"text": text} for text in sample().texts[:600]))
    stream.drain()
    stream.pipeline._lags_due = 0.0
    stream.pipeline.turn()
    assert stream.value("drift_psi", model="airline", version="1", signal="length") > 0.25
