import json

import numpy as np
import pytest

from models.registry.registry import Registry
from models.scorer import Scorer
from tests.reviews import sample
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.evaluate import Evaluation, evaluate, evaluation_of, worst_mistakes


@pytest.fixture(scope="module")
def packaged() -> Evaluation:
    return evaluate(Scorer.load(Registry().resolve("imdb").path), sample())


def texts(*labelled: tuple[str, int]) -> LabelledTexts:
    return LabelledTexts(tuple(text for text, _ in labelled), np.array([label for _, label in labelled], np.int32))


def shares(*positive: float) -> np.ndarray:
    return np.array([[1 - share, share] for share in positive], np.float32)


def test_an_evaluation_of_the_packaged_model_has_plausible_figures(packaged: Evaluation) -> None:
    assert packaged.reviews == 2_000
    assert 0.84 < packaged.f1 < 0.95
    assert packaged.macro_f1 == pytest.approx(packaged.accuracy, abs=0.01)
    assert 0.9 < (packaged.roc_auc or 0) < 1
    assert 0 < packaged.calibration_error < 0.1
    assert packaged.reviews_per_cpu_second > 100


def test_a_manifest_keeps_the_figures_without_texts(packaged: Evaluation) -> None:
    kept = json.loads(json.dumps(packaged.to_json()))
    assert {"f1", "accuracy", "macro_f1", "calibration_error", "reviews", "reviews_per_cpu_second"} <= set(kept)
    assert kept["f1_interval"][0] < kept["f1"] < kept["f1_interval"][1]
    assert set(kept["f1_by_class"]) == {"negative", "positive"}
    assert np.sum(kept["confusion"]) == 2_000
    assert not {"mistakes", "calibration"} & set(kept)


def test_a_report_gets_everything(packaged: Evaluation) -> None:
    kept = json.loads(json.dumps(packaged.to_report_json()))
    assert kept.items() >= json.loads(json.dumps(packaged.to_json())).items()
    assert kept["classes"] == ["negative", "positive"]
    assert len(kept["mistakes"]) == 20
    assert sum(each["reviews"] for each in kept["calibration"]) == 2_000


def test_mistakes_are_the_wrong_answers_alone_the_surest_first() -> None:
    data = texts(("right", 1), ("unsure", 1), ("sure", 0))
    found = worst_mistakes(shares(0.99, 0.4, 0.95), data)
    assert [(each.text, each.actual, each.predicted) for each in found] == [
        ("sure", "negative", "positive"),
        ("unsure", "positive", "negative"),
    ]
    assert [each.probability for each in found] == pytest.approx([0.95, 0.6])


def test_no_more_than_twenty_mistakes_are_kept_and_long_texts_are_cut() -> None:
    data = texts(*(("long " * 500, 0) for _ in range(30)))
    found = worst_mistakes(shares(*[0.9] * 30), data)
    assert len(found) == 20
    assert {len(each.text) for each in found} == {600}


def test_probabilities_from_anywhere_are_evaluated_like_those_of_a_scorer() -> None:
    found = evaluation_of(shares(0.9, 0.2), texts(("good", 1), ("bad", 0)), cpu_seconds=0.5)
    assert (found.f1, found.mistakes, found.reviews_per_cpu_second) == (1, (), 4)


def test_evaluations_on_other_texts_have_another_hash() -> None:
    one, other = (evaluation_of(shares(0.9), texts((text, 1)), 1).data_sha256 for text in ("good", "fine"))
    assert one != other


def test_data_of_other_classes_is_refused() -> None:
    data = LabelledTexts(("a",), np.array([0], np.int32), ("negative", "neutral", "positive"))
    with pytest.raises(BadData, match="neutral"):
        evaluate(Scorer.load(Registry().resolve("imdb").path), data)


def test_data_without_reviews_is_refused() -> None:
    with pytest.raises(BadData, match="no reviews"):
        evaluate(Scorer.load(Registry().resolve("imdb").path), texts())
