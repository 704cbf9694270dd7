"""The teacher: what it says of texts, and what it says it from."""

import numpy as np
import pytest
import scipy.sparse

from tests.reviews import sample
from trainer.data.texts import LabelledTexts
from trainer.pretraining.document_vectors import UNITS, train_document_vectors
from trainer.pretraining.teacher import teach


@pytest.fixture(scope="module")
def soft_labels() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, opinions on the labelled texts and on as many others, whose labels the teacher was not told."""
    texts = sample()
    labels = texts.labels.astype(np.float32)[:, np.newaxis]
    known = LabelledTexts(texts.texts[:500], texts.labels[:500], texts.classes)
    said = teach(known, texts.texts[500:1000], labels[:500], seed=1)
    return labels[:1000, 0], said[:500, 0], said[500:, 0]


def test_the_teacher_is_mostly_right_about_texts_whose_labels_it_did_not_see(
    soft_labels: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    labels, labelled, others = soft_labels
    assert np.mean((labelled > 0.5) == labels[:500]) > 0.7
    assert np.mean((others > 0.5) == labels[500:]) > 0.7


def test_no_label_is_given_back(soft_labels: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    labels, labelled, others = soft_labels
    right = [np.mean((said > 0.5) == truth) for said, truth in ((labelled, labels[:500]), (others, labels[500:]))]
    assert right[0] < right[1] + 0.1, "the teacher knows texts by heart whose labels it was told"


def topics() -> scipy.sparse.csr_matrix:
    """Forty texts of two kinds that share no n-gram."""
    random = np.random.default_rng(1)
    presence = np.zeros((40, 60), np.float32)
    for text in range(40):
        presence[text, random.choice(30, 15, replace=False) + 30 * (text % 2)] = 1
    return scipy.sparse.csr_matrix(presence)


def test_texts_of_a_kind_have_vectors_of_a_kind() -> None:
    vectors = train_document_vectors(topics(), seed=1)
    likeness = vectors @ vectors.T
    same = likeness[::2, ::2].mean() + likeness[1::2, 1::2].mean()
    assert vectors.shape == (40, UNITS)
    assert same > 2 * likeness[::2, 1::2].mean() + 0.01


def test_the_same_seed_gives_the_same_vectors() -> None:
    first, second, other = (train_document_vectors(topics(), seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_texts_that_share_too_little_have_no_direction() -> None:
    assert not train_document_vectors(scipy.sparse.identity(5, format="csr"), seed=1).any()
