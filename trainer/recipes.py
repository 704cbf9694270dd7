"""What can be trained, one declaration each."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from models.engines.weights import LAST, MAXIMUM, MEAN
from models.text import TextSettings
from trainer.errors import BadData
from trainer.networks.networks import LstmNetwork


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is fitted.

    Until `epochs`, or until `stop_at_accuracy` on the training texts, or until the loss on the held-out texts has not
    fallen for `patience` epochs; the weights kept are those of the epoch where it was lowest. With `average_decay` the
    weights are exponential moving averages over steps (Polyak and Juditsky, 1992).

    With `word_vectors` the embedding starts from skip-gram vectors of all texts; with a `teacher_share` that share of
    every target is the teacher's opinion, and unlabelled texts, where there are any, have nothing else.
    `calibrate` scales the output so that its probabilities are right on the held-out texts (Platt, 1999); a network
    with a linear part is always calibrated, for that is how its two parts are joined.
    """

    batch_size: int
    epochs: int
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    cosine_decay: bool = False
    held_out_ratio: float = 0.2
    stop_at_accuracy: float | None = None
    patience: int | None = None
    average_decay: float = 0.0
    word_vectors: bool = False
    teacher_share: float = 0.0
    calibrate: bool = False
    seed: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model's name in the store, and all that decides how it is made; `stop_words` None: NLTK's English list."""

    name: str
    model: str
    text: TextSettings
    network: LstmNetwork
    training: Training
    stop_words: tuple[str, ...] | None = None
    half_precision: bool = False

    @property
    def held_out_ratio(self) -> float:
        return self.training.held_out_ratio

    def to_json(self) -> dict[str, Any]:
        """What decides the result, for a run's settings."""
        return {
            "text": self.text.to_json(),
            "network": self.network.to_json(),
            "training": self.training.to_json(),
            "stop_words": list(self.stop_words) if self.stop_words else None,
            "half_precision": self.half_precision,
        }

    @property
    def uses_unlabelled(self) -> bool:
        return self.training.word_vectors or self.training.teacher_share > 0


@dataclass(frozen=True, slots=True)
class ForestRecipe:
    """A random forest to compare with; `features` are a text's padded ids, or tf-idf of its words."""

    name: str
    text: TextSettings
    features: str
    trees: int = 150
    min_samples_split: int = 10
    held_out_ratio: float = 0.2
    seed: int = 1
    stop_words: tuple[str, ...] | None = None
    uses_unlabelled: bool = False
    model: str = "random-forest"

    def to_json(self) -> dict[str, Any]:
        forest = {name: getattr(self, name) for name in ("features", "trees", "min_samples_split", "seed")}
        return {"text": self.text.to_json(), "forest": forest}


IDS, TF_IDF = "ids", "tf-idf"

# Words that say little about an opinion; negations and all that strengthens or weakens one are not among them.
LIGHT_WORDS = (
    "a an and are as at be by for from had has have he her him his i in is it its me my of on or our she so that the "
    "their them there they this to us was we were which who will with you your"
)

_ARTICLE_TEXT = TextSettings(vocabulary_size=6_000, max_length=370, remove_stop_words=True)
_TWEET_TEXT = TextSettings(vocabulary_size=20_000, max_length=200, remove_stop_words=False)
_REVIEW_TEXT = TextSettings(
    vocabulary_size=25_000, max_length=400, tail_length=300, keep_digits=True, symbols="!?.", remove_stop_words=True
)

RECIPES: dict[str, Recipe | ForestRecipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "imdb-a",
            "imdb",
            _ARTICLE_TEXT,
            LstmNetwork(128, 60, hidden_units=(50,), dropout_ratio=0.1, hidden_dropout_ratio=0.1),
            Training(batch_size=64, epochs=10, optimizer="sgd", learning_rate=0.1, stop_at_accuracy=0.95),
        ),
        Recipe(
            "imdb-b",
            "imdb",
            _ARTICLE_TEXT,
            LstmNetwork(128, 100, pooling=(LAST,), word_dropout_ratio=0.25, input_dropout_ratio=0.5, dropout_ratio=0.5),
            Training(batch_size=64, epochs=10, stop_at_accuracy=0.95),
        ),
        Recipe(
            "imdb-c",
            "imdb",
            _ARTICLE_TEXT,
            LstmNetwork(128, 75, bidirectional=True, hidden_units=(16, 8)),
            Training(batch_size=128, epochs=10, stop_at_accuracy=0.95),
        ),
        Recipe(
            "imdb-d",
            "imdb",
            _ARTICLE_TEXT,
            LstmNetwork(64, 50, hidden_units=(16,), word_dropout_ratio=0.5, dropout_ratio=0.5),
            Training(batch_size=16, epochs=20, stop_at_accuracy=0.95),
        ),
        Recipe(
            "airline",
            "airline",
            _TWEET_TEXT,
            LstmNetwork(
                32,
                50,
                pooling=(LAST,),
                word_dropout_ratio=0.25,
                input_dropout_ratio=0.5,
                recurrent_dropout_ratio=0.5,
                dropout_ratio=0.2,
            ),
            Training(batch_size=32, epochs=5),
        ),
        Recipe(
            "reviews",
            "reviews",
            _REVIEW_TEXT,
            LstmNetwork(
                100,
                64,
                bidirectional=True,
                pooling=(MAXIMUM, MEAN),
                hidden_units=(32,),
                pair_buckets=1_400_017,
                token_dropout_ratio=0.2,
                word_dropout_ratio=0.3,
                dropout_ratio=0.4,
            ),
            Training(
                batch_size=128,
                epochs=8,
                learning_rate=2e-3,
                cosine_decay=True,
                held_out_ratio=0.1,
                patience=3,
                average_decay=0.998,
                word_vectors=True,
                teacher_share=0.5,
                calibrate=True,
            ),
            stop_words=tuple(LIGHT_WORDS.split()),
            half_precision=True,
        ),
        # Keras' padding, which the article uses, keeps the end of a text that is too long.
        ForestRecipe("random-forest", replace(_ARTICLE_TEXT, tail_length=369), IDS),
        ForestRecipe("random-forest-tf-idf", _ARTICLE_TEXT, TF_IDF),
    )
}


def find_recipe(name: str, seed: int | None = None, epochs: int | None = None) -> Recipe | ForestRecipe:
    """The recipe of that name, with another seed or number of epochs where given; raises BadData when there is none."""
    if name not in RECIPES:
        raise BadData(f"There is no recipe {name!r}; there are: {', '.join(sorted(RECIPES))}.")
    recipe = RECIPES[name]
    if isinstance(recipe, ForestRecipe):
        if epochs:
            raise BadData(f"The recipe {name} has no epochs.")
        return replace(recipe, seed=recipe.seed if seed is None else seed)
    training = recipe.training
    training = replace(training, seed=training.seed if seed is None else seed, epochs=epochs or training.epochs)
    return replace(recipe, training=training)
