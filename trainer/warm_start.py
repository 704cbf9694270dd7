"""A published version as the start of a training: its words and its weights."""

from collections.abc import Sequence
from typing import Any

from models.artifact import STOP_WORDS_FILE, VOCABULARY_FILE, read_manifest, read_words
from models.engines.weights import WEIGHTS_FILE, LstmShape, read_weights
from models.registry.registry import Resolved
from models.text import TextSettings, Vocabulary
from trainer.errors import BadData
from trainer.networks.export import set_named_weights
from trainer.recipes import Recipe


def read_start(start: Resolved, settings: TextSettings, stop_words: Sequence[str]) -> Vocabulary:
    """The words of a version to go on from; raises BadData when a recipe with other text settings wants them."""
    if read_manifest(start.path).text != settings or read_words(start.path / STOP_WORDS_FILE) != list(stop_words):
        raise BadData(f"{start.name} version {start.version} was trained with other text settings than this recipe's.")
    return Vocabulary(read_words(start.path / VOCABULARY_FILE))


def set_start(model: Any, recipe: Recipe, start: Resolved) -> None:
    """Gives a network built for the recipe a version's weights; raises BadData when they do not fit."""
    manifest = read_manifest(start.path)
    shape = LstmShape.of(manifest.network)
    if shape != LstmShape.of(recipe.network.to_json()):
        raise BadData(f"{start.name} version {start.version} is another network than {recipe.name}'s.")
    if shape is None or WEIGHTS_FILE not in manifest.files:
        raise BadData(f"{start.name} version {start.version} has no weights to go on from.")
    try:
        set_named_weights(model, read_weights(start.path / WEIGHTS_FILE, shape))
    except (KeyError, ValueError) as error:
        raise BadData(f"{start.name} version {start.version} is another network than {recipe.name}'s.") from error
