import numpy as np
import pytest

from models.registry import Registry
from models.scorer import Scorer
from tests.reviews import sample
from trainer.data import LabelledTexts
from trainer.errors import BadData
from trainer.evaluate import calibration_error, evaluate, f1_score


def flags(text: str) -> np.ndarray:
    return np.array([letter == "1" for letter in text])


@pytest.mark.parametrize(
    ("actual", "predicted", "score"),
    [("1100", "1100", 1), ("1100", "0011", 0), ("1100", "1010", 0.5), ("0000", "0000", 0), ("1110", "1000", 0.5)],
)
def test_f1_is_the_harmonic_mean_of_precision_and_recall(actual: str, predicted: str, score: float) -> None:
    assert f1_score(flags(actual), flags(predicted)) == pytest.approx(score)


def test_certain_and_right_is_perfectly_calibrated() -> None:
    probabilities = np.array([[1, 0], [0, 1]], np.float32)
    assert calibration_error(probabilities, np.array([0, 1], np.int32)) == 0


def test_certain_and_wrong_is_off_by_one() -> None:
    probabilities = np.array([[1, 0], [0, 1]], np.float32)
    assert calibration_error(probabilities, np.array([1, 0], np.int32)) == 1


def test_seventy_percent_sure_and_half_right_is_off_by_a_fifth() -> None:
    probabilities = np.array([[0.7, 0.3]] * 4, np.float32)
    assert calibration_error(probabilities, np.array([0, 0, 1, 1], np.int32)) == pytest.approx(0.2)


def test_over_and_under_confidence_in_different_bins_do_not_cancel_out() -> None:
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.55, 0.45], [0.55, 0.45]], np.float32)
    assert calibration_error(probabilities, np.array([0, 1, 0, 0], np.int32)) == pytest.approx(0.45)


def test_an_evaluation_of_the_packaged_model_has_plausible_figures() -> None:
    result = evaluate(Scorer.load(Registry().resolve("imdb").path), sample())
    assert result.reviews == 2_000
    assert 0.84 < result.f1 < 0.95
    assert result.macro_f1 == pytest.approx(result.accuracy, abs=0.01)
    assert 0 < result.calibration_error < 0.1
    assert result.reviews_per_cpu_second > 100


def test_data_of_other_classes_is_refused() -> None:
    data = LabelledTexts(("a",), np.array([0], np.int32), ("negative", "neutral", "positive"))
    with pytest.raises(BadData, match="neutral"):
        evaluate(Scorer.load(Registry().resolve("imdb").path), data)
