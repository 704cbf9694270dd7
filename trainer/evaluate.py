"""How good a model's scores of labelled texts are, how fast they come, and where they are most wrong."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.scorer import Scorer
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.metrics import DIGITS, Metrics, metrics_of

TEXTS_PER_CALL = 512  # as many as a worker scores at once
WORST_MISTAKES = 20
SHOWN_TEXT_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class Mistake:
    """A text, cut for showing, and the wrong class that the model gave this probability."""

    text: str
    actual: str
    predicted: str
    probability: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation(Metrics):
    """Metrics on one set of texts, and what is known only with the texts at hand.

    `mistakes` are the wrong answers of the highest probability, the worst first. `data_sha256` tells sets apart.
    """

    reviews_per_cpu_second: float
    mistakes: tuple[Mistake, ...]
    data_sha256: str

    def to_json(self) -> dict[str, Any]:
        """What a manifest keeps: metrics and speed, without mistakes and calibration bins."""
        speed = {"reviews_per_cpu_second": round(self.reviews_per_cpu_second, 1), "data_sha256": self.data_sha256}
        return {**Metrics.to_json(self), **speed}

    def to_report_json(self) -> dict[str, Any]:
        mistakes = [asdict(each) | {"probability": round(each.probability, DIGITS)} for each in self.mistakes]
        return {**Metrics.to_report_json(self), "mistakes": mistakes}


def evaluate(scorer: Scorer, data: LabelledTexts) -> Evaluation:
    """Scores all texts, as many at once as a worker does; raises BadData when the classes are not the model's."""
    if data.classes != scorer.classes:
        raise BadData(f"The data's classes are {', '.join(data.classes)}; the model's are {', '.join(scorer.classes)}.")
    started = time.process_time()
    indices = range(0, len(data), TEXTS_PER_CALL)
    scores = [scorer.score(data.texts[index : index + TEXTS_PER_CALL]).probabilities for index in indices]
    seconds = time.process_time() - started
    probabilities = np.concatenate([np.empty((0, len(data.classes)), np.float32), *scores])
    return evaluation_of(probabilities, data, seconds)


def evaluation_of(probabilities: NDArray[np.floating], data: LabelledTexts, cpu_seconds: float) -> Evaluation:
    """An evaluation of `probabilities` (texts, classes), from whatever gave them in so much CPU time."""
    metrics = metrics_of(probabilities, data.labels, data.classes)
    return Evaluation(
        classes=metrics.classes,
        confusion=metrics.confusion,
        roc_auc=metrics.roc_auc,
        brier=metrics.brier,
        calibration=metrics.calibration,
        reviews_per_cpu_second=len(data) / max(cpu_seconds, 1e-9),
        mistakes=worst_mistakes(probabilities, data),
        data_sha256=data.sha256(),
    )


def worst_mistakes(probabilities: NDArray[np.floating], data: LabelledTexts) -> tuple[Mistake, ...]:
    """The WORST_MISTAKES wrong answers that the model was surest of; of equally sure ones those that come first."""
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != data.labels)
    surest_first = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
    return tuple(
        Mistake(
            text=_cut(data.texts[index]),
            actual=data.classes[data.labels[index]],
            predicted=data.classes[predicted[index]],
            probability=float(probabilities[index].max()),
        )
        for index in surest_first[:WORST_MISTAKES].tolist()
    )


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_TEXT_CHARACTERS else text[: SHOWN_TEXT_CHARACTERS - 1] + "\u2026"
