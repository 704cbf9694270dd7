from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.artifact import Manifest
from models.errors import BrokenArtifact
from models.profile import FIELD, Histogram, Profile, count_by_bin
from models.scorer import Scorer

CLASSES = ("negative", "positive")


def profile(texts: int = 1_000) -> Profile:
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, texts).astype(np.int32)
    lengths = random.integers(1, 301, texts).astype(np.int32)
    return Profile.of(CLASSES, labels, labels, lengths, random.beta(20, 1, texts).astype(np.float32))


def with_profile(manifest: Manifest, values: Any) -> Manifest:
    return replace(manifest, training=manifest.training | {FIELD: values})


def test_values_fall_into_ten_bins_of_equal_shares() -> None:
    histogram = Histogram.of(np.arange(1, 1_001))
    assert len(histogram.edges) == 9
    assert all(share == pytest.approx(0.1, abs=0.002) for share in histogram.shares)


def test_the_texts_at_the_cap_have_a_bin_of_their_own() -> None:
    histogram = Histogram.of(np.minimum(np.arange(1, 1_001), 600))
    assert histogram.edges[-1] == 600
    assert histogram.shares[-1] == pytest.approx(0.4, abs=0.002)
    assert len(set(histogram.edges)) == len(histogram.edges) == len(histogram.shares) - 1


def test_coverage_of_all_words_is_counted_exactly() -> None:
    coverage = np.array([1 / 3, 2 / 3, 1.0, 1.0] * 300, np.float32)
    histogram = Histogram.of(coverage)
    assert histogram.edges[-1] == 1
    assert histogram.shares[-1] == 0.5
    assert (count_by_bin(np.array(histogram.edges), coverage) / len(coverage)).tolist() == list(histogram.shares)


@pytest.mark.parametrize("known", range(1, 31))
def test_rounding_moves_no_value_over_an_edge(known: int) -> None:
    coverage = np.array([0.01, known / 31, 1.0] * 200, np.float32)
    edges, rounded = np.array(Histogram.of(coverage).edges), coverage.astype(np.float64).round(6)
    for same in (rounded, rounded.astype(np.float32)):
        assert count_by_bin(edges, same).tolist() == count_by_bin(edges, coverage).tolist()


def test_values_that_are_all_equal_leave_room_below() -> None:
    histogram = Histogram.of(np.ones(500, np.float32))
    assert (histogram.edges, histogram.shares) == ((1.0,), (0.0, 1.0))


@pytest.mark.parametrize(("texts", "bins"), [(1, 2), (99, 2), (200, 4), (5_000, 10)])
def test_few_texts_have_few_bins(texts: int, bins: int) -> None:
    assert len(Histogram.of(np.arange(texts)).shares) == bins


def test_a_manifest_gives_back_the_profile_that_it_was_given(scorer: Scorer) -> None:
    saved = with_profile(scorer.manifest, profile().to_json())
    assert Profile.from_manifest(Manifest.from_json(saved.to_json())) == profile()


def test_a_version_from_before_there_were_profiles_has_none(scorer: Scorer) -> None:
    assert Profile.from_manifest(scorer.manifest) is None


MALFORMED: list[Any] = [
    [],
    {},
    profile().to_json() | {"texts": 0},
    profile().to_json() | {"class_mix": {"good": 1.0}},
    profile().to_json() | {"predicted_class_mix": {"negative": float("nan"), "positive": 1.0}},
    profile().to_json() | {"length": {"edges": [2, 1], "shares": [0.2, 0.3, 0.5]}},
    profile().to_json() | {"length": {"edges": [float("nan")], "shares": [0.5, 0.5]}},
    profile().to_json() | {"coverage": {"edges": [0.5], "shares": [0.2, 0.3, 0.5]}},
    profile().to_json() | {"coverage": {"edges": [0.5], "shares": [0.2, 0.3]}},
]


@pytest.mark.parametrize("values", MALFORMED)
def test_what_can_be_no_profile_is_told(scorer: Scorer, values: Any) -> None:
    with pytest.raises(BrokenArtifact, match="profile"):
        Profile.from_manifest(with_profile(scorer.manifest, values))
