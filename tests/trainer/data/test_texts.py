import numpy as np
import pytest

from tests.reviews import sample
from trainer.data.texts import LabelledTexts, require_classes
from trainer.errors import BadData


def labelled(*texts: str) -> LabelledTexts:
    return LabelledTexts(texts, np.arange(len(texts), dtype=np.int32) % 2)


def test_the_sample_is_balanced_and_has_no_duplicates() -> None:
    assert len(sample()) == len(sample().without_duplicates()) == 2_000
    assert np.bincount(sample().labels).tolist() == [1_000, 1_000]


def test_the_first_of_equal_texts_is_kept() -> None:
    unique = labelled("a", "b", "a", "c", "b").without_duplicates()
    assert unique.texts == ("a", "b", "c")
    assert unique.labels.tolist() == [0, 1, 1]


def test_the_split_has_the_share_asked_for_and_nothing_on_both_sides() -> None:
    kept, held_out = sample().split(0.2)
    assert len(kept) + len(held_out) == 2_000
    assert 350 < len(held_out) < 450
    assert not set(kept.texts) & set(held_out.texts)


def test_a_text_lands_on_the_same_side_whatever_is_around_it() -> None:
    _, held_out = sample().split(0.2)
    half = sample().take(np.arange(2_000) % 2 == 0)
    assert set(half.split(0.2)[1].texts) == set(held_out.texts) & set(half.texts)


def test_the_hash_changes_with_texts_labels_and_their_order() -> None:
    hashes = {labelled(*texts).sha256() for texts in (("a", "b"), ("b", "a"), ("a",), ("a", "c"))}
    assert len(hashes) == 4
    assert labelled("a", "b").sha256() in hashes


def test_equal_texts_with_different_labels_keep_the_first_label() -> None:
    data = LabelledTexts(("a", "a"), np.array([1, 0], np.int32))
    assert data.without_duplicates().labels.tolist() == [1]


def test_texts_of_both_classes_can_be_learnt_from() -> None:
    require_classes(labelled("a", "b"))


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [([1, 1], r"is negative \(2 positive\)"), ([0], r"is positive \(1 negative\)"), ([], "none at all")],
)
def test_without_texts_of_every_class_there_is_nothing_to_learn(labels: list[int], sentence: str) -> None:
    data = LabelledTexts(("a",) * len(labels), np.array(labels, np.int32))
    with pytest.raises(BadData, match=sentence):
        require_classes(data)


def test_a_third_class_needs_texts_too() -> None:
    data = LabelledTexts(("a", "b"), np.array([0, 2], np.int32), ("negative", "neutral", "positive"))
    with pytest.raises(BadData, match="is neutral"):
        require_classes(data)
