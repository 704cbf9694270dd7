"""What a network's weights are before the first step: drawn at random, word vectors, or a published version's."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.artifact import STOP_WORDS_FILE, VOCABULARY_FILE, read_manifest, read_words
from models.lstm_weights import WEIGHTS_FILE, LstmShape, read_weights
from models.registry import Resolved
from models.text import TextSettings, Vocabulary
from trainer.errors import BadData
from trainer.export import set_named_weights
from trainer.progress import Progress
from trainer.recipes import Recipe
from trainer.word_vectors import train_word_vectors


def read_start(start: Resolved, settings: TextSettings, stop_words: Sequence[str]) -> Vocabulary:
    """The words of a version to go on from; raises BadData when a recipe with other text settings wants them."""
    if read_manifest(start.path).text != settings or read_words(start.path / STOP_WORDS_FILE) != list(stop_words):
        raise BadData(f"{start.name} version {start.version} was trained with other text settings than this recipe's.")
    return Vocabulary(read_words(start.path / VOCABULARY_FILE))


def set_start(
    model: Any,
    recipe: Recipe,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    directory: Path,
    start: Resolved | None,
    progress: Progress,
) -> None:
    """Gives a network built for the recipe its first weights; word vectors are kept in `directory` for another time."""
    if start:
        _set_weights(model, recipe, start)
    elif recipe.training.word_vectors:
        units, seed = recipe.network.embedding_units, recipe.training.seed
        progress.tell(f"learning word vectors from {len(texts):,} texts ...")
        vectors = cached(
            directory / "word_vectors.npy", lambda: train_word_vectors(texts, recipe.text, vocabulary, units, seed)
        )
        model.get_layer("embedding").embeddings.assign(vectors)


def _set_weights(model: Any, recipe: Recipe, start: Resolved) -> None:
    manifest = read_manifest(start.path)
    shape = LstmShape.of(manifest.network)
    if shape is None or WEIGHTS_FILE not in manifest.files:
        raise BadData(f"{start.name} version {start.version} has no weights to go on from.")
    try:
        set_named_weights(model, read_weights(start.path / WEIGHTS_FILE, shape))
    except (KeyError, ValueError) as error:
        raise BadData(f"{start.name} version {start.version} is another network than {recipe.name}'s.") from error


def cached(path: Path, make: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """The array in the file, or a new one that is then in the file."""
    if path.exists():
        kept: NDArray[np.float32] = np.load(path, allow_pickle=False)
        return kept
    made = make()
    path.parent.mkdir(exist_ok=True)
    prepared = path.with_name(f".{path.name}.new")
    with prepared.open("wb") as stream:
        np.save(stream, made, allow_pickle=False)
    prepared.replace(path)
    return made
