"""A teacher for texts: linear models of n-grams, which know more than 25,000 labels can tell an LSTM.

Four opinions are joined, all of logistic regression: on the n-grams that a text has, weighted with their naive-Bayes
log-count ratios (Wang and Manning, ACL 2012), on tf-idf, on tf-idf weighted with the same ratios, and on vectors of the
texts that were learnt without labels. No text is judged by a model that saw its label: labelled texts are judged out of
fold, the others by the mean of all folds' models.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from models.text import Spelling, TextSettings
from trainer.data.texts import LabelledTexts
from trainer.errors import BadData
from trainer.pretraining.document_vectors import train_document_vectors

FOLDS = 5
LONGEST_N_GRAM = 3
FEWEST_TEXTS = 2  # an n-gram in fewer labelled texts says nothing about others
SPELLING = TextSettings(remove_stop_words=False, keep_digits=True, symbols='!?.,;:()"*-')
RATIOS_STRENGTH = 0.02  # the inverse of the regularisation; all four were chosen out of fold
TF_IDF_STRENGTH = 20.0
BOTH_STRENGTH = 100.0
VECTORS_STRENGTH = 10.0

Matrix = Any  # scipy.sparse.csr_matrix, which has no types


def teach(
    data: LabelledTexts, unlabelled: Sequence[str], labels: NDArray[np.float32], seed: int
) -> NDArray[np.float32]:
    """Opinions on the labelled texts and after them on the others: (texts, outputs), from 0 to 1, calibrated.

    `labels` (labelled texts, outputs) has 1 where a text is of an output's class.
    """
    counts = CountVectorizer(analyzer=_n_grams, min_df=FEWEST_TEXTS, binary=True, dtype=np.float32)
    try:
        seen = counts.fit_transform(data.texts)
    except ValueError as error:
        raise BadData("No words are in two of the texts to learn from: there is nothing to teach.") from error
    every = scipy.sparse.vstack([seen, counts.transform(unlabelled)]).tocsr() if unlabelled else seen.tocsr()
    weighted = TfidfTransformer(sublinear_tf=True).fit_transform(every)
    vectors = train_document_vectors(every, seed)
    views = (every, weighted, vectors)
    soft_labels = np.column_stack([_judge(*views, labels[:, index], seed) for index in range(labels.shape[1])])
    if labels.shape[1] > 1:
        soft_labels /= soft_labels.sum(axis=1, keepdims=True)
    return soft_labels.astype(np.float32)


def _n_grams(text: str) -> list[str]:
    words = [word.decode() for word in _SPELLING.split(text)]
    longer = (zip(*(words[index:] for index in range(length)), strict=False) for length in range(2, LONGEST_N_GRAM + 1))
    return [*words, *map("_".join, chain.from_iterable(longer))]


_SPELLING = Spelling(SPELLING)


def _judge(
    counts: Matrix, tf_idf: Matrix, vectors: NDArray[np.float32], labels: NDArray[np.float32], seed: int
) -> NDArray[np.float64]:
    """The chance that a text is of the class: (texts,)."""
    known = len(labels)
    smallest_class = int(min(labels.sum(), known - labels.sum()))
    if smallest_class < 2:
        raise BadData("A recipe with a teacher needs at least two labelled texts of each class.")
    folds = StratifiedKFold(min(FOLDS, smallest_class), shuffle=True, random_state=seed)
    scores = np.zeros((counts.shape[0], 4))
    for learnt, unseen in folds.split(np.zeros(known), labels):
        ratios = scipy.sparse.diags(log_count_ratios(counts[learnt], labels[learnt]))
        views = (
            (counts @ ratios, sparse_regression(RATIOS_STRENGTH, seed)),
            (tf_idf, sparse_regression(TF_IDF_STRENGTH, seed)),
            (tf_idf @ ratios, sparse_regression(BOTH_STRENGTH, seed)),
            (vectors, LogisticRegression(C=VECTORS_STRENGTH, max_iter=500)),
        )
        for index, (features, model) in enumerate(views):
            model.fit(features[learnt], labels[learnt])
            scores[unseen, index] = model.decision_function(features[unseen])
            if counts.shape[0] > known:
                scores[known:, index] += model.decision_function(features[known:]) / folds.n_splits
    joined = LogisticRegression().fit(scores[:known], labels)
    chances: NDArray[np.float64] = joined.predict_proba(scores)[:, 1]
    return chances


def sparse_regression(strength: float, seed: int) -> LogisticRegression:
    """Logistic regression for features of which a text has few; `strength` is the inverse of the regularisation."""
    return LogisticRegression(C=strength, solver="liblinear", dual=True, tol=0.01, max_iter=1_000, random_state=seed)


def log_count_ratios(counts: Matrix, labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much more often a column is in texts of the class than in others, as a logarithm: (columns,)."""
    inside, outside = (1 + np.asarray(counts[labels == label].sum(axis=0)).ravel() for label in (1, 0))
    ratios: NDArray[np.float32] = np.log((inside / inside.sum()) / (outside / outside.sum())).astype(np.float32)
    return ratios
