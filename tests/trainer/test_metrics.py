import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from trainer.errors import BadData
from trainer.metrics import Metrics, metrics_of

TWO = ("negative", "positive")
THREE = ("negative", "neutral", "positive")


def metrics(positive: list[float], labels: list[int]) -> Metrics:
    """Of two classes, from the probabilities of the positive one."""
    shares = np.array(positive)
    return metrics_of(np.stack([1 - shares, shares], axis=1), np.array(labels, np.int32), TWO)


def random_case(classes: int, reviews: int = 400) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    random = np.random.default_rng(7)
    labels = random.integers(0, classes, reviews).astype(np.int32)
    logits = random.normal(size=(reviews, classes)) + 1.2 * np.eye(classes)[labels]
    shares = np.exp(logits)
    return shares / shares.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("classes", [TWO, THREE])
def test_confusion_f1_and_accuracy_are_those_of_scikit_learn(classes: tuple[str, ...]) -> None:
    probabilities, labels = random_case(len(classes))
    predicted, found = probabilities.argmax(axis=1), metrics_of(probabilities, labels, classes)
    assert found.confusion == tuple(map(tuple, reference.confusion_matrix(labels, predicted).tolist()))
    assert list(found.f1_by_class.values()) == pytest.approx(reference.f1_score(labels, predicted, average=None))
    assert found.macro_f1 == pytest.approx(reference.f1_score(labels, predicted, average="macro"))
    assert found.accuracy == pytest.approx(reference.accuracy_score(labels, predicted))
    assert found.reviews == 400


def test_with_two_classes_the_brier_score_is_the_squared_error_of_the_positive_one() -> None:
    probabilities, labels = random_case(2)
    expected = reference.brier_score_loss(labels, probabilities[:, 1])
    assert metrics_of(probabilities, labels, TWO).brier == pytest.approx(expected)


def test_with_three_classes_the_brier_score_adds_up_the_classes() -> None:
    found = metrics_of(np.array([[0.5, 0.3, 0.2]]), np.array([0], np.int32), THREE)
    assert found.brier == pytest.approx(0.5**2 + 0.3**2 + 0.2**2)


def test_with_three_classes_the_roc_auc_is_the_mean_of_each_against_the_rest() -> None:
    probabilities, labels = random_case(3)
    expected = reference.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert metrics_of(probabilities, labels, THREE).roc_auc == pytest.approx(expected)


def test_the_roc_auc_is_the_chance_that_a_positive_review_ranks_above_a_negative_one() -> None:
    assert metrics([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).roc_auc == pytest.approx(3 / 4)


def test_there_is_no_roc_auc_where_a_class_does_not_occur() -> None:
    assert metrics([0.9, 0.2], [1, 1]).roc_auc is None


def test_answering_negative_always_is_good_by_the_negative_class_alone() -> None:
    found = metrics([0.1] * 100, [0, 1] * 50)
    assert found.f1_by_class == pytest.approx({"negative": 2 / 3, "positive": 0})
    assert (found.f1, found.macro_f1) == (0, pytest.approx(1 / 3))


def test_f1_is_that_of_the_last_class_when_none_is_called_positive() -> None:
    found = metrics_of(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1], np.int32), ("ham", "spam"))
    assert found.f1 == found.f1_by_class["spam"] == 1


def test_the_interval_of_f1_is_that_of_resampled_reviews() -> None:
    probabilities, labels = random_case(2)
    predicted, random = probabilities.argmax(axis=1), np.random.default_rng(3)
    samples = [random.integers(0, 400, 400) for _ in range(1_000)]
    scores = [reference.f1_score(labels[sample], predicted[sample]) for sample in samples]
    expected = np.percentile(scores, [2.5, 97.5]).tolist()
    assert metrics_of(probabilities, labels, TWO).f1_interval == pytest.approx(expected, abs=0.01)


def test_the_interval_is_the_same_every_time_and_narrower_with_more_reviews() -> None:
    few, many = metrics([0.9, 0.2, 0.3] * 10, [1, 0, 1] * 10), metrics([0.9, 0.2, 0.3] * 1_000, [1, 0, 1] * 1_000)
    assert few.f1_interval == few.f1_interval
    low, high = few.f1_interval
    assert low < few.f1 < high
    assert many.f1_interval[1] - many.f1_interval[0] < (high - low) / 5


def test_the_interval_of_a_faultless_model_is_a_point() -> None:
    assert metrics([0.1, 0.9] * 50, [0, 1] * 50).f1_interval == (1, 1)


@pytest.mark.parametrize(
    ("positive", "labels", "error"),
    [
        ([0, 1], [0, 1], 0),  # certain and right
        ([0, 1], [1, 0], 1),  # certain and wrong
        ([0.3] * 4, [0, 0, 1, 1], 0.2),  # seventy percent sure and half right
        ([0.05, 0.05, 0.45, 0.45], [0, 1, 0, 0], 0.45),  # too sure here, too unsure there: they do not cancel out
    ],
)
def test_the_calibration_error_is_the_gap_between_confidence_and_share_correct(
    positive: list[float], labels: list[int], error: float
) -> None:
    assert metrics(positive, labels).calibration_error == pytest.approx(error)


def test_calibration_bins_hold_every_review_once_between_their_edges() -> None:
    probabilities, labels = random_case(2)
    found = metrics_of(probabilities, labels, TWO).calibration
    assert sum(each.reviews for each in found) == 400
    assert all(each.lower <= each.confidence <= each.upper for each in found)
    assert all(each.upper - each.lower == pytest.approx(1 / 15) for each in found)


def test_no_reviews_are_refused() -> None:
    with pytest.raises(BadData, match="no reviews"):
        metrics_of(np.empty((0, 2)), np.empty(0, np.int32), TWO)
