"""How good a model's scores are, and how fast they come."""

import time
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from models.scorer import Scorer
from trainer.data import LabelledTexts
from trainer.errors import BadData

CALIBRATION_BINS = 15
TEXTS_PER_CALL = 512  # as many as a worker scores at once


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`f1` is that of the positive class, `macro_f1` the mean over all classes; shares and errors are from 0 to 1."""

    f1: float
    accuracy: float
    macro_f1: float
    calibration_error: float
    reviews: int
    reviews_per_cpu_second: float

    def to_json(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def evaluate(scorer: Scorer, data: LabelledTexts) -> Evaluation:
    """Scores all texts, as many at once as a worker does; raises BadData when the classes are not the model's."""
    if data.classes != scorer.classes:
        raise BadData(f"The data's classes are {', '.join(data.classes)}; the model's are {', '.join(scorer.classes)}.")
    started = time.process_time()
    places = range(0, len(data), TEXTS_PER_CALL)
    scores = [scorer.score(data.texts[place : place + TEXTS_PER_CALL]).probabilities for place in places]
    seconds = time.process_time() - started
    probabilities = np.concatenate(scores)
    predicted = probabilities.argmax(axis=1)
    f1_by_class = [f1_score(data.labels == place, predicted == place) for place in range(len(data.classes))]
    return Evaluation(
        f1=f1_by_class[data.classes.index("positive")],
        accuracy=float(np.mean(predicted == data.labels)),
        macro_f1=float(np.mean(f1_by_class)),
        calibration_error=calibration_error(probabilities, data.labels),
        reviews=len(data),
        reviews_per_cpu_second=len(data) / max(seconds, 1e-9),
    )


def f1_score(actual: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall; 0 when neither the data nor the predictions have the class."""
    hits = int(np.sum(actual & predicted))
    total = int(np.sum(actual)) + int(np.sum(predicted))
    return 2 * hits / total if total else 0.0


def calibration_error(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Expected calibration error of the predicted class over bins of equal width (Guo et al., ICML 2017)."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = [
        abs(float(np.sum(correct[bins == place]) - np.sum(confidence[bins == place])))
        for place in range(CALIBRATION_BINS)
    ]
    return sum(gaps) / len(labels)
