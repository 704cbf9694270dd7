"""What a network is to answer for each text: its label, a teacher's opinion, or something between."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.data import LabelledTexts
from trainer.progress import Progress
from trainer.recipes import Recipe
from trainer.start import cached
from trainer.teacher import teach


def class_targets(data: LabelledTexts) -> NDArray[np.float32]:
    """1 for a text's class and 0 for the others: (texts, classes), or (texts, 1), the second one's, of two classes."""
    places = np.arange(1, 2) if len(data.classes) == 2 else np.arange(len(data.classes))
    targets: NDArray[np.float32] = (data.labels[:, None] == places).astype(np.float32)
    return targets


def prepare_targets(
    recipe: Recipe, kept: LabelledTexts, unlabelled: tuple[str, ...], directory: Path, progress: Progress
) -> NDArray[np.float32]:
    """Targets of the labelled texts, and after them those of the unlabelled; a teacher's are kept in `directory`."""
    labels, share = class_targets(kept), recipe.training.teacher_share
    if not share:
        return labels
    progress.tell(f"asking the teacher about {len(kept) + len(unlabelled):,} texts ...")
    opinions = cached(directory / "teacher.npy", lambda: teach(kept, unlabelled, labels, recipe.training.seed))
    return np.concatenate([labels * (1 - share) + opinions[: len(kept)] * share, opinions[len(kept) :]])
