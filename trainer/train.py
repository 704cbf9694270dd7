"""Training, in the order in which things happen: split, read words, encode, build, fit, evaluate, publish."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import keras

from models.registry import Registry, Resolved
from models.text import PINNED_STOP_WORDS, Encoder, TextSettings, Vocabulary, respell_stop_words, split_words
from trainer.batches import LengthBucketedBatches
from trainer.callbacks import StopAtAccuracy, TellProgress
from trainer.data import LabelledTexts
from trainer.networks import build
from trainer.publish import Candidate, publish
from trainer.recipes import Recipe, Training

EVALUATION_BATCH = 256


@dataclass(frozen=True, slots=True)
class FitData:
    """Texts to learn from, and texts that are only scored, once, when everything is decided."""

    training: LabelledTexts
    test: LabelledTexts | None = None


def fit(recipe: Recipe, data: FitData, registry: Registry) -> Resolved:
    """Trains the recipe's network and publishes it as the next version of the recipe's model."""
    keras.utils.set_random_seed(recipe.training.seed)
    kept, held_out = data.training.without_duplicates().split(recipe.training.held_out_ratio)
    stop_words = PINNED_STOP_WORDS.read_text(encoding="utf-8").split()
    vocabulary = count_words(kept.texts, recipe.text, stop_words)
    encoder = Encoder(recipe.text, vocabulary, stop_words)
    model = build(recipe.network, vocabulary.ids)
    history = fit_network(model, encoder, kept, held_out, recipe.training)
    candidate = Candidate(recipe, model, encoder, stop_words, history, data.training.sha256())
    return publish(candidate, {"held_out": held_out} | ({"test": data.test} if data.test else {}), registry)


def count_words(texts: tuple[str, ...], settings: TextSettings, stop_words: list[str]) -> Vocabulary:
    """The most frequent words that are not stop words; equally frequent ones in alphabetical order."""
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update(split_words(text))
    for word in respell_stop_words(stop_words) if settings.remove_stop_words else ():
        counts.pop(word.encode(), None)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Vocabulary([word.decode() for word, _ in ranked[: settings.vocabulary_size]])


def fit_network(
    model: Any, encoder: Encoder, kept: LabelledTexts, held_out: LabelledTexts, training: Training
) -> dict[str, list[float]]:
    """Fits in place and returns the history by epoch; the model ends with the weights of its best epoch."""
    adam = keras.optimizers.Adam(training.learning_rate)
    model.compile(adam, "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    best = keras.callbacks.EarlyStopping("val_loss", patience=training.epochs, restore_best_weights=True)
    batches = LengthBucketedBatches(encoder.encode(kept.texts), kept.labels, training.batch_size, training.seed)
    unseen = LengthBucketedBatches(encoder.encode(held_out.texts), held_out.labels, EVALUATION_BATCH)
    history = model.fit(
        batches.dataset(),
        validation_data=unseen.dataset(),
        epochs=training.epochs,
        shuffle=False,  # the batches come in a new order by themselves
        callbacks=[best, StopAtAccuracy(training.stop_at_accuracy), TellProgress()],
        verbose=0,
    )
    return {name: [float(value) for value in values] for name, values in history.history.items()}
