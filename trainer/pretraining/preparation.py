"""What some recipes need before the first step and takes minutes: a teacher's opinions and vectors of words."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.text import Vocabulary
from trainer.data.texts import LabelledTexts
from trainer.pretraining.teacher import teach
from trainer.pretraining.word_vectors import train_word_vectors
from trainer.progress import Progress
from trainer.recipes import Recipe
from trainer.runs import read_json, write_json

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Preparation:
    """`targets` (texts, outputs) of the labelled texts and then the others, `word_vectors` (ids, units) or None."""

    targets: Floats
    word_vectors: Floats | None
    seconds: float


def class_targets(data: LabelledTexts) -> Floats:
    """1 for a text's class and 0 for the others: (texts, classes), or (texts, 1), the second one's, of two classes."""
    indices = np.arange(1, 2) if len(data.classes) == 2 else np.arange(len(data.classes))
    targets: Floats = (data.labels[:, None] == indices).astype(np.float32)
    return targets


def prepare(
    recipe: Recipe,
    kept: LabelledTexts,
    unlabelled: tuple[str, ...],
    vocabulary: Vocabulary | None,
    directory: Path,
    progress: Progress,
) -> Preparation:
    """Asks the teacher and learns word vectors, as the recipe wants, at once and each on one core.

    Both end up in `directory`, and come from there when a run goes on. Without a `vocabulary` no vectors are learnt.
    """
    training, labels = recipe.training, class_targets(kept)
    with ThreadPoolExecutor() as side_by_side:  # both spend their time in native code that lets others run
        soft_labels = vectors = None
        if training.teacher_share:
            soft_labels = side_by_side.submit(
                _keep, directory / "teacher.npy", lambda: teach(kept, unlabelled, labels, training.seed), progress
            )
        if training.word_vectors and vocabulary:
            vectors = side_by_side.submit(
                _keep,
                directory / "word_vectors.npy",
                lambda: train_word_vectors((*kept.texts, *unlabelled), recipe, vocabulary),
                progress,
            )
        taught, seconds = soft_labels.result() if soft_labels else (labels, 0.0)
        word_vectors, more_seconds = vectors.result() if vectors else (None, 0.0)
    share = training.teacher_share
    mixed = labels * (1 - share) + taught[: len(kept)] * share
    return Preparation(np.concatenate([mixed, taught[len(kept) :]]), word_vectors, max(seconds, more_seconds))


def _keep(path: Path, make: Callable[[], Floats], progress: Progress) -> tuple[Floats, float]:
    """The array in the file and the seconds that it took, or a new array that is then in the file."""
    reported = path.with_suffix(".json")
    if seconds_then := read_json(reported):
        return np.load(path, allow_pickle=False), float(seconds_then["seconds"])
    name = path.stem.replace("_", " ")
    progress.tell(f"{name} ...")
    started = time.monotonic()
    made, seconds = make(), round(time.monotonic() - started, 1)
    path.parent.mkdir(exist_ok=True)
    np.save(path, made, allow_pickle=False)
    write_json(reported, {"seconds": seconds})
    progress.tell(f"{name}: {seconds:.0f} s")
    return made, seconds
