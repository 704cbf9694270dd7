"""What live traffic is to be compared with, measured on texts that a version did not learn from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.artifact import Manifest
from models.profile import FIELD, Profile
from models.scorer import Scorer
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.evaluate import TEXTS_PER_CALL


def measure_profile(scorer: Scorer, data: LabelledTexts) -> Profile:
    """The profile of all texts, encoded and scored as a worker does; raises BadData when it can be none's."""
    if data.classes != scorer.classes:
        raise BadData(f"The data's classes are {', '.join(data.classes)}; the model's are {', '.join(scorer.classes)}.")
    if not len(data):
        raise BadData("There is no text to measure a profile on.")
    parts = [
        _score(scorer, data.texts[index : index + TEXTS_PER_CALL]) for index in range(0, len(data), TEXTS_PER_CALL)
    ]
    predicted, lengths, coverage = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Profile.of(scorer.classes, data.labels, predicted, lengths, coverage)


def with_profile(training: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """What a manifest tells of the training, with this profile in the place of any other."""
    return {**training, FIELD: profile.to_json()}


def texts_to_profile(manifest: Manifest, data: LabelledTexts) -> LabelledTexts:
    """The part of labelled texts that the version did not learn from.

    Of the file that it learnt from these are the texts that its training held out; of any other file all.
    """
    unique = data.without_duplicates()
    ratio = manifest.training.get("held_out_ratio")
    if data.sha256() != manifest.data_sha256 or ratio is None:
        return unique
    return unique.split(ratio)[1]


def _score(scorer: Scorer, texts: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.float32]]:
    """Class indices, lengths and coverage of some texts."""
    tokens = scorer.tokenize(texts)
    return scorer.infer(tokens).probabilities.argmax(axis=1), tokens.lengths, tokens.coverage
