"""A recipe that trains in a second, and a run of it."""

from pathlib import Path

import numpy as np

from models.artifact import read_manifest
from models.engines.weights import LstmShape, Weights, read_weights
from models.text import TextSettings
from tests.reviews import sample
from trainer.data.sources import Texts
from trainer.networks.networks import LstmNetwork
from trainer.recipes import Recipe, Training
from trainer.runs import Run
from trainer.train import train

TRAINING = Training(batch_size=32, epochs=3, learning_rate=1e-2, average_decay=0.9)
TINY = Recipe(
    "tiny",
    "tiny",
    TextSettings(vocabulary_size=300, max_length=30),
    LstmNetwork(8, 6, hidden_units=(4,), word_dropout_ratio=0.2, input_dropout_ratio=0.2, dropout_ratio=0.2),
    TRAINING,
)
TEXTS = Texts(sample().take(np.arange(2_000) < 300), test=sample().take(np.arange(2_000) >= 1_800))


def make_run(directory: Path, recipe: Recipe = TINY) -> Run:
    return Run.create(directory, recipe.name, {"recipe": recipe.name, "model": recipe.model})


def trained(directory: Path, recipe: Recipe = TINY, texts: Texts = TEXTS) -> Run:
    run = make_run(directory, recipe)
    train(recipe, texts, run)
    return run


def weights_of(run: Run) -> Weights:
    """The weights that a finished run came to."""
    shape = LstmShape.of(read_manifest(run.artifact).network)
    assert shape
    return read_weights(run.artifact / "weights.npz", shape)
