"""What can be trained, one declaration each."""

from dataclasses import asdict, dataclass
from typing import Any

from models.text import TextSettings
from trainer.errors import BadData
from trainer.networks import MaxPoolLstm


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is fitted: with Adam, until `epochs` or until `stop_at_accuracy` on the training texts.

    The weights kept are those of the epoch with the lowest loss on the held-out texts.
    """

    batch_size: int = 16
    epochs: int = 20
    learning_rate: float = 1e-3
    held_out_ratio: float = 0.2
    stop_at_accuracy: float = 0.95
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model's name in the store, and all that decides how it is made."""

    name: str
    model: str
    text: TextSettings
    network: MaxPoolLstm
    training: Training


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("imdb-d", "imdb", TextSettings(), MaxPoolLstm(word_dropout_ratio=0.5, dropout_ratio=0.5), Training()),
    )
}


def find_recipe(name: str) -> Recipe:
    """Raises BadData for a name that no recipe has."""
    if name not in RECIPES:
        raise BadData(f"There is no recipe {name!r}; there are: {', '.join(sorted(RECIPES))}.")
    return RECIPES[name]
