"""A random forest, as the article compares its networks with: on padded ids, as it did, and on tf-idf."""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer

from models.engines.padding import pad
from models.text import Encoder, Spelling, Tokens
from trainer.data.sources import Texts
from trainer.data.texts import LabelledTexts
from trainer.evaluate import Evaluation, evaluation_of
from trainer.progress import Progress
from trainer.recipes import IDS, ForestRecipe
from trainer.runs import Run
from trainer.train import TrainingData, tell_data


class Forest:
    """Features of a text, and the trees that vote on them."""

    def __init__(self, recipe: ForestRecipe, encoder: Encoder) -> None:
        self._recipe, self._encoder = recipe, encoder
        self._spelling = Spelling(recipe.text)
        self._tf_idf = TfidfVectorizer(analyzer=self._words, vocabulary=encoder.vocabulary.words)
        self._trees = RandomForestClassifier(
            recipe.trees, min_samples_split=recipe.min_samples_split, random_state=recipe.seed
        )

    def fit(self, data: LabelledTexts) -> None:
        if self._recipe.features != IDS:
            self._tf_idf.fit(data.texts)
        self._trees.fit(self._features(data), data.labels)

    def evaluate(self, data: LabelledTexts) -> Evaluation:
        started = time.process_time()
        probabilities = self._trees.predict_proba(self._features(data))
        return evaluation_of(probabilities, data, time.process_time() - started)

    @property
    def parameters(self) -> int:
        """The nodes of all trees."""
        return sum(tree.tree_.node_count for tree in self._trees.estimators_)

    def _words(self, text: str) -> list[str]:
        return [word.decode() for word in self._spelling.split(text)]

    def _features(self, data: LabelledTexts) -> Any:
        if self._recipe.features != IDS:
            return self._tf_idf.transform(data.texts)
        return pad_on_the_left(self._encoder.encode(data.texts), self._recipe.text.max_length)


def pad_on_the_left(tokens: Tokens, steps: int) -> NDArray[np.int32]:
    """(texts, steps): the article pads there, so that a column is a place counted from a text's end."""
    on_the_right = pad(tokens, np.arange(len(tokens)), steps)
    indices, lengths = np.arange(steps), tokens.lengths[:, None]
    on_the_left = np.zeros_like(on_the_right)
    on_the_left[indices >= steps - lengths] = on_the_right[indices < lengths]
    return on_the_left


def train_forest(recipe: ForestRecipe, data: Texts, run: Run) -> None:
    """Grows a forest and writes its evaluations; it has no artifact, for it is only there to compare with.

    The held-out texts are judged by a forest that never saw them, the test file by one grown on all texts: there is no
    moment to stop at, which is what networks need held-out texts for, and the article's had none.
    """
    training_data = TrainingData.prepare(recipe, data)
    with Progress(run.log) as progress:
        tell_data(recipe, training_data, data, run, progress)
        forest = Forest(recipe, training_data.encoder)
        for name, learnt, unseen in (
            ("held_out", training_data.kept, training_data.held_out),
            ("test", training_data.unique, data.test),
        ):
            if unseen:
                progress.tell(f"growing {recipe.trees} trees on {recipe.features} of {len(learnt):,} texts ...")
                started, cpu_started = time.monotonic(), time.process_time()
                forest.fit(learnt)
                seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu_started
                run.write_evaluation(name, forest.evaluate(unseen).to_report_json())
    run.result = {
        "parameters": forest.parameters,
        "training_seconds": round(seconds, 1),
        "training_cpu_seconds": round(cpu_seconds, 1),
    }
