"""How good probabilities are, given what the labels say.

F1 is 2pr / (p + r) with a class's precision p and recall r; here it is given for every class, and as the mean over the
classes (macro). The F1 in the articles that the imdb recipes follow is that of the *negative* class alone. A model
that answers negative for every review of a balanced file reaches 0.667 by that measure, with an accuracy of 0.5 and a
macro F1 of 0.333; the article's Model A, at 0.663, is close to that.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import BadData

CALIBRATION_BINS = 15
RESAMPLES = 1_000
RESAMPLING_SEED = 1
INTERVAL_PERCENTILES = (2.5, 97.5)
DIGITS = 4


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The reviews whose confidence (the probability of the predicted class) is from `lower` up to `upper`."""

    lower: float
    upper: float
    confidence: float  # their mean
    correct_ratio: float
    reviews: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """The confusion matrix, what cannot be told from it, and as properties what can; shares are from 0 to 1.

    `confusion[actual][predicted]` counts reviews, in the order of `classes`. `roc_auc` is that of the positive class,
    with three classes or more the mean of every class against the rest; None when a class does not occur. `brier` is
    the mean squared error of the positive class's probability, with three classes or more the mean over reviews of the
    sum over classes (Brier 1950: for two classes twice as much). `calibration` has the bins that are not empty.
    """

    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    roc_auc: float | None
    brier: float
    calibration: tuple[CalibrationBin, ...]

    @property
    def reviews(self) -> int:
        return sum(map(sum, self.confusion))

    @property
    def accuracy(self) -> float:
        return sum(row[index] for index, row in enumerate(self.confusion)) / self.reviews

    @property
    def f1(self) -> float:
        """Of the positive class; of the last one when none is called positive."""
        return self.f1_by_class[self.classes[positive_index(self.classes)]]

    @property
    def f1_by_class(self) -> dict[str, float]:
        """Harmonic mean of precision and recall; 0 when neither the labels nor the predictions have the class."""
        return dict(zip(self.classes, _f1_scores(np.array(self.confusion)).tolist(), strict=True))

    @property
    def macro_f1(self) -> float:
        return float(np.mean(list(self.f1_by_class.values())))

    @property
    def f1_interval(self) -> tuple[float, float]:
        """Where F1 lies in 95 % of RESAMPLES bootstrap resamples of the reviews (percentile method, Efron 1979).

        To draw as many reviews as there are, with replacement, is one multinomial draw of the confusion matrix.
        """
        counts = np.array(self.confusion)
        random = np.random.default_rng(RESAMPLING_SEED)
        resampled = random.multinomial(self.reviews, counts.ravel() / self.reviews, RESAMPLES)
        scores = _f1_scores(resampled.reshape(RESAMPLES, *counts.shape))[:, positive_index(self.classes)]
        low, high = np.percentile(scores, INTERVAL_PERCENTILES).tolist()
        return low, high

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: over bins of equal width, the mean gap between confidence and share correct,
        weighted by reviews (Guo et al., ICML 2017)."""
        gaps = [each.reviews * abs(each.confidence - each.correct_ratio) for each in self.calibration]
        return sum(gaps) / self.reviews

    def to_json(self) -> dict[str, Any]:
        """What a manifest keeps: all but the calibration bins."""
        return {
            "f1": round(self.f1, DIGITS),
            "f1_interval": [round(end, DIGITS) for end in self.f1_interval],
            "accuracy": round(self.accuracy, DIGITS),
            "macro_f1": round(self.macro_f1, DIGITS),
            "f1_by_class": {name: round(score, DIGITS) for name, score in self.f1_by_class.items()},
            "roc_auc": None if self.roc_auc is None else round(self.roc_auc, DIGITS),
            "brier": round(self.brier, DIGITS),
            "calibration_error": round(self.calibration_error, DIGITS),
            "confusion": [list(row) for row in self.confusion],
            "reviews": self.reviews,
        }

    def to_report_json(self) -> dict[str, Any]:
        """What a report draws: `to_json` with the names of the classes and the calibration bins."""
        bins = [asdict(each) for each in self.calibration]
        return {**self.to_json(), "classes": list(self.classes), "calibration": bins}


def metrics_of(probabilities: NDArray[np.floating], labels: NDArray[np.int32], classes: Sequence[str]) -> Metrics:
    """`probabilities` (reviews, classes), each row summing to 1; `labels` (reviews,) are indices into `classes`.

    The predicted class is the most probable one, the first of equals. Raises BadData when there is no review.
    """
    if not len(labels):
        raise BadData("There are no reviews to evaluate on.")
    exact = probabilities.astype(np.float64)
    predicted = exact.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    return Metrics(
        classes=tuple(classes),
        confusion=tuple(map(tuple, confusion.tolist())),
        roc_auc=_roc_auc(exact, labels, classes),
        brier=_brier(exact, labels),
        calibration=_calibration_bins(exact.max(axis=1), predicted == labels),
    )


def positive_index(classes: Sequence[str]) -> int:
    """The index of the class that F1 and ROC AUC are about: `positive`, or the last one when none is called so."""
    return list(classes).index("positive") if "positive" in classes else len(classes) - 1


def _f1_scores(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """(..., classes, classes) -> (..., classes)."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    total = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    scores: NDArray[np.float64] = 2 * hits / np.maximum(total, 1)
    return scores


def _roc_auc(probabilities: NDArray[np.float64], labels: NDArray[np.int32], classes: Sequence[str]) -> float | None:
    from sklearn.metrics import roc_auc_score  # takes a second to import, after the time of scoring was taken

    if len(np.unique(labels)) < len(classes):
        return None
    indices = range(len(classes)) if len(classes) > 2 else [positive_index(classes)]
    return float(np.mean([roc_auc_score(labels == index, probabilities[:, index]) for index in indices]))


def _brier(probabilities: NDArray[np.float64], labels: NDArray[np.int32]) -> float:
    classes = probabilities.shape[1]
    squares = (probabilities - np.eye(classes)[labels]) ** 2
    return float(squares.sum(axis=1).mean()) / (2 if classes == 2 else 1)


def _calibration_bins(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> tuple[CalibrationBin, ...]:
    indices = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return tuple(
        CalibrationBin(
            lower=index / CALIBRATION_BINS,
            upper=(index + 1) / CALIBRATION_BINS,
            confidence=float(confidence[indices == index].mean()),
            correct_ratio=float(correct[indices == index].mean()),
            reviews=int(np.sum(indices == index)),
        )
        for index in np.unique(indices).tolist()
    )
