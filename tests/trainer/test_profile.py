import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.artifact import read_encoder, read_manifest, write_manifest
from models.profile import FIELD, Profile
from models.registry.registry import Registry
from models.scorer import Scorer
from tests.reviews import SAMPLE_FILE, sample
from tests.trainer.tiny import TEXTS, TINY
from trainer.__main__ import main
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.profile import measure_profile, texts_to_profile
from trainer.runs import Run

PACKAGED = Registry().resolve("imdb@1").path
REVIEWS = sample().take(np.arange(2_000) < 600)


def held_out_texts() -> LabelledTexts:
    return TEXTS.training.without_duplicates().split(TINY.held_out_ratio)[1]


def profile_of(directory: Path) -> Profile:
    profile = Profile.from_manifest(read_manifest(directory))
    assert profile
    return profile


def test_a_trained_version_tells_of_the_texts_that_it_held_out(run: Run) -> None:
    assert profile_of(run.artifact) == measure_profile(Scorer.load(run.artifact), held_out_texts())


def test_lengths_are_those_that_a_worker_sees(run: Run) -> None:
    tokens = read_encoder(run.artifact, TINY.text).encode(held_out_texts().texts)
    length = profile_of(run.artifact).length
    assert length.shares[-1] == pytest.approx(np.mean(tokens.lengths >= length.edges[-1]), abs=1e-6)


def test_the_models_own_answers_are_kept_beside_the_labels() -> None:
    scorer = Scorer.load(PACKAGED)
    profile = measure_profile(scorer, REVIEWS)
    targets = scorer.score(REVIEWS.texts).probabilities.argmax(axis=1)
    assert profile.class_mix["positive"] == pytest.approx(np.mean(REVIEWS.labels), abs=1e-6)
    assert profile.predicted_class_mix["positive"] == pytest.approx(np.mean(targets), abs=1e-6)
    assert profile.texts == 600


def test_of_the_file_learnt_from_only_what_was_held_out_counts() -> None:
    manifest = read_manifest(PACKAGED)
    learnt = replace(manifest, data_sha256=REVIEWS.sha256())
    assert texts_to_profile(manifest, REVIEWS).texts == REVIEWS.texts
    assert 0 < len(texts_to_profile(learnt, REVIEWS)) < 200


def test_texts_of_other_classes_have_no_profile() -> None:
    with pytest.raises(BadData):
        measure_profile(Scorer.load(PACKAGED), LabelledTexts(("a",), np.zeros(1, np.int32), ("bad", "good")))
    with pytest.raises(BadData):
        measure_profile(Scorer.load(PACKAGED), REVIEWS.take(np.zeros(600, np.bool_)))


def test_a_version_without_a_profile_is_published_without(tmp_path: Path) -> None:
    assert main(["publish", str(PACKAGED), "--store", str(tmp_path)]) == 0
    assert FIELD not in read_manifest(tmp_path / "imdb" / "1").training


def test_publishing_measures_a_profile_on_texts_that_are_named(tmp_path: Path) -> None:
    assert main(["publish", str(PACKAGED), "--store", str(tmp_path), "--profile", str(SAMPLE_FILE)]) == 0
    published = tmp_path / "imdb" / "1"
    assert profile_of(published) == measure_profile(Scorer.load(PACKAGED), sample())
    assert read_manifest(published).training["recipe"] == "imdb-d"


def test_a_run_from_before_there_were_profiles_is_published(run: Run, tmp_path: Path) -> None:
    before = shutil.copytree(run.path, tmp_path / "run")
    manifest = read_manifest(before / "artifact")
    training = {name: value for name, value in manifest.training.items() if name != FIELD}
    write_manifest(before / "artifact", replace(manifest, training=training))
    assert main(["publish", str(before), "--store", str(tmp_path / "store"), "--force"]) == 0
    assert Profile.from_manifest(Scorer.load(tmp_path / "store" / "tiny" / "1").manifest) is None
