"""Training, in the order in which things happen: split, read words, find targets, build, fit, calibrate, export."""

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import keras
import tensorflow

from models.registry.registry import Resolved
from models.text import PINNED_STOP_WORDS, Encoder, Spelling, TextSettings, Vocabulary, respell_stop_words
from trainer.artifacts import Candidate, write_artifact
from trainer.calibrate import calibrate
from trainer.checkpoints import Checkpoints
from trainer.data.batches import LengthBucketedBatches
from trainer.data.sources import Texts
from trainer.data.summary import print_summary, summarise
from trainer.data.texts import LabelledTexts, require_classes
from trainer.errors import BadData
from trainer.fitting import Fit, fit_network
from trainer.networks.networks import build
from trainer.pretraining.linear_part import fit_linear_part
from trainer.pretraining.preparation import class_targets, prepare
from trainer.progress import Progress
from trainer.recipes import ForestRecipe, Recipe
from trainer.runs import Run
from trainer.warm_start import read_start, set_start

EVALUATION_BATCH = 256


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What there is to learn from; `texts` are the kept ones, and after them those without a label."""

    unique: LabelledTexts
    kept: LabelledTexts
    held_out: LabelledTexts
    unlabelled: tuple[str, ...]
    stop_words: Sequence[str]
    encoder: Encoder

    @classmethod
    def prepare(cls, recipe: Recipe | ForestRecipe, data: Texts, start: Resolved | None = None) -> Self:
        unique = data.training.without_duplicates()
        kept, held_out = unique.split(recipe.held_out_ratio)
        require_classes(kept)
        if not held_out:
            raise BadData(f"{len(kept)} texts are too few: none is left to hold out.")
        known = {*data.training.texts, *(data.test.texts if data.test else ())}
        unlabelled = tuple(text for text in data.unlabelled if text not in known) if recipe.uses_unlabelled else ()
        stop_words = recipe.stop_words or PINNED_STOP_WORDS.read_text(encoding="utf-8").split()
        if start:
            vocabulary = read_start(start, recipe.text, stop_words)
        else:
            vocabulary = count_words((*kept.texts, *unlabelled), recipe.text, stop_words)
        if not len(vocabulary):
            raise BadData("The texts to learn from have no words.")
        encoder = Encoder(recipe.text, vocabulary, stop_words)
        return cls(unique, kept, held_out, unlabelled, stop_words, encoder)

    @property
    def texts(self) -> tuple[str, ...]:
        return (*self.kept.texts, *self.unlabelled)


def train(recipe: Recipe, data: Texts, run: Run, start: Resolved | None = None) -> None:
    """Trains the recipe's network from the start, or from the run's last checkpoint, to the run's finished artifact."""
    keras.utils.set_random_seed(recipe.training.seed)
    tensorflow.config.experimental.enable_op_determinism()
    training_data = TrainingData.prepare(recipe, data, start)
    encoder, training = training_data.encoder, recipe.training
    with Progress(run.log) as progress:
        tell_data(recipe, training_data, data, run, progress)
        vocabulary = None if start else encoder.vocabulary
        ready = prepare(recipe, training_data.kept, training_data.unlabelled, vocabulary, run.checkpoints, progress)
        model = build(recipe.network, encoder.vocabulary.ids, len(training_data.kept.classes))
        if start:
            set_start(model, recipe, start)
        elif ready.word_vectors is not None:
            model.get_layer("embedding").embeddings.assign(ready.word_vectors)
        tokens = encoder.encode(training_data.texts)
        batches = LengthBucketedBatches(tokens, ready.targets, training.batch_size, training.seed)
        held_out, targets = encoder.encode(training_data.held_out.texts), class_targets(training_data.held_out)
        unseen = LengthBucketedBatches(held_out, targets, EVALUATION_BATCH)
        fit = Fit(model, training, len(batches))
        history = fit_network(fit, batches, unseen, Checkpoints(run.checkpoints), run, progress)
    linear_part = None
    if recipe.network.pair_buckets:
        labels = class_targets(training_data.kept)
        linear_part = fit_linear_part(tokens, labels, recipe.network.pair_buckets, training.seed)
    if training.calibrate or linear_part is not None:
        calibrate(model, held_out, targets, linear_part)
    finish(recipe, training_data, model, history, ready.seconds, data, run, start)


def tell_data(
    recipe: Recipe | ForestRecipe, training_data: TrainingData, data: Texts, run: Run, progress: Progress
) -> None:
    """Says what the labelled texts are like, before anything long begins."""
    summary = summarise(training_data.unique, training_data.encoder, len(data.training) - len(training_data.unique))
    print_summary(summary, progress.console)
    run.data = summary.to_json()
    if data.unlabelled and not recipe.uses_unlabelled:
        progress.tell("This recipe learns from labelled texts only; the unlabelled ones are left aside.")
    elif data.unlabelled:
        left_out = len(data.unlabelled) - len(training_data.unlabelled)
        progress.tell(
            f"{len(training_data.unlabelled):,} unlabelled texts; {left_out:,} are also labelled, and left out."
        )
    in_both = len(set(data.training.texts) & set(data.test.texts)) if data.test else 0
    if in_both:
        progress.tell(f"{in_both:,} texts are in the test file and in the training file.")


def finish(
    recipe: Recipe,
    training_data: TrainingData,
    model: Any,
    history: dict[str, list[float]],
    preparation_seconds: float,
    data: Texts,
    run: Run,
    start: Resolved | None,
) -> None:
    """Writes the run's artifact, evaluations and result."""
    seconds = {"seconds": round(sum(history["seconds"]) + preparation_seconds, 1)}
    counts = {"texts": len(training_data.kept), "unlabelled_texts": len(training_data.unlabelled)}
    candidate = Candidate(
        recipe=recipe,
        model=run.settings["model"],
        network=model,
        encoder=training_data.encoder,
        stop_words=training_data.stop_words,
        classes=training_data.kept.classes,
        training={"history": history, **seconds, **counts},
        data_sha256=data.training.sha256(),
        parent_version=start.version if start and start.name == run.settings["model"] else None,
    )
    unseen = {"held_out": training_data.held_out} | ({"test": data.test} if data.test else {})
    shutil.rmtree(run.artifact, ignore_errors=True)  # a run that was stopped here has half of one
    for name, evaluation in write_artifact(run.artifact, candidate, unseen).items():
        run.write_evaluation(name, evaluation.to_report_json())
    run.result = {
        "parameters": model.count_params(),
        "training_seconds": seconds["seconds"],
        "training_cpu_seconds": round(sum(history["cpu_seconds"]), 1),
    }


def count_words(texts: Iterable[str], settings: TextSettings, stop_words: Sequence[str]) -> Vocabulary:
    """The most frequent words that are not stop words; equally frequent ones in alphabetical order."""
    counts: Counter[bytes] = Counter()
    spelling = Spelling(settings)
    for text in texts:
        counts.update(spelling.split(text))
    for word in respell_stop_words(stop_words) if settings.remove_stop_words else ():
        counts.pop(word.encode(), None)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Vocabulary([word.decode() for word, _ in ranked[: settings.vocabulary_size]])
