"""The networks, in Keras. Ids are padded with zeros on the right; padding takes no part in any result."""

from dataclasses import asdict, dataclass
from typing import Any

import keras

from models.engines.weights import LAST, LSTM_KIND, LSTM_WITH_WORD_PAIRS_KIND, MAXIMUM, MEAN
from models.text import UNKNOWN_ID
from trainer.networks.fused_lstm import FusedLstm
from trainer.networks.word_pairs import WordPairs

POOLINGS = ((MAXIMUM,), (MEAN,), (MAXIMUM, MEAN), (MEAN, MAXIMUM), (LAST,))


@dataclass(frozen=True, slots=True)
class LstmNetwork:
    """Embedding, one LSTM over the text in one or both directions, pooling over time, hidden layers, classes.

    `pooling` names what is kept of the LSTM's outputs: `maximum`, `mean`, both one after the other, or `last` alone,
    the state after the text; ValueError for anything else. With `pair_buckets`, best a prime number, a linear part of
    so many weights for words and pairs of words is added to what the last layer gives (see models.engines.word_pairs).
    Dropout acts in training only: `word_dropout_ratio` on whole components of the word vectors, the same ones for all
    of a text; `input_dropout_ratio` and `recurrent_dropout_ratio` on the LSTM's input and state; `dropout_ratio` after
    the pooling and `hidden_dropout_ratio` after each hidden layer.
    """

    embedding_units: int
    lstm_units: int
    bidirectional: bool = False
    pooling: tuple[str, ...] = (MAXIMUM,)
    hidden_units: tuple[int, ...] = ()
    pair_buckets: int = 0
    token_dropout_ratio: float = 0.0
    word_dropout_ratio: float = 0.0
    input_dropout_ratio: float = 0.0
    recurrent_dropout_ratio: float = 0.0
    dropout_ratio: float = 0.0
    hidden_dropout_ratio: float = 0.0

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise ValueError(f"The pooling is {self.pooling}; expected one of {POOLINGS}.")

    def to_json(self) -> dict[str, Any]:
        values = asdict(self) | {"pooling": list(self.pooling), "hidden_units": list(self.hidden_units)}
        return {"kind": LSTM_WITH_WORD_PAIRS_KIND if self.pair_buckets else LSTM_KIND, **values}


@keras.saving.register_keras_serializable(package="kafka_sentiment")
class MaskedMaxPooling1D(keras.layers.Layer):  # type: ignore[misc]
    """The maximum over the time steps that are not padding; Keras' own GlobalMaxPooling1D ignores the mask."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.supports_masking = True

    def call(self, sequences: Any, mask: Any = None) -> Any:
        """(batch, steps, units), mask (batch, steps) or None -> (batch, units)."""
        if mask is not None:
            lowest = keras.ops.cast(-1e9, sequences.dtype)
            sequences = keras.ops.where(keras.ops.expand_dims(mask, -1), sequences, lowest)
        return keras.ops.max(sequences, axis=1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Time is gone, and the mask with it."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], input_shape[2])


@keras.saving.register_keras_serializable(package="kafka_sentiment")
class TokenDropout(keras.layers.Layer):  # type: ignore[misc]
    """Reads a share of the words as unknown ones, in training only."""

    def __init__(self, ratio: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.ratio, self.seed = ratio, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, ids: Any, training: bool = False) -> Any:
        """Ids int32 (batch, steps) -> the same, some of them UNKNOWN_ID."""
        if not training:
            return ids
        left_out = keras.random.uniform(keras.ops.shape(ids), seed=self.generator) < self.ratio
        return keras.ops.where(keras.ops.logical_and(left_out, ids > 0), keras.ops.cast(UNKNOWN_ID, ids.dtype), ids)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "ratio": self.ratio, "seed": self.seed}


def build(network: LstmNetwork, id_count: int, classes: int, lstm_layer: Any = FusedLstm) -> Any:
    """A keras.Model: ids int32 (batch, steps) -> probabilities.

    Of two classes one probability, that of the second, (batch, 1); of more, (batch, classes). `lstm_layer` is
    `FusedLstm` for training or keras.layers.LSTM for a network that loads wherever Keras does; their weights are alike.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    inputs = ids
    if network.token_dropout_ratio:
        ids = TokenDropout(network.token_dropout_ratio, name="token_dropout")(ids)
    steps = keras.layers.Embedding(id_count, network.embedding_units, mask_zero=True, name="embedding")(ids)
    steps = keras.layers.SpatialDropout1D(network.word_dropout_ratio, name="word_dropout")(steps)
    features = _pool(_lstm(network, lstm_layer)(steps), network.pooling)
    features = keras.layers.Dropout(network.dropout_ratio, name="dropout")(features)
    for number, units in enumerate(network.hidden_units, start=1):
        features = keras.layers.Dense(units, activation="relu", name=f"hidden_{number}")(features)
        features = keras.layers.Dropout(network.hidden_dropout_ratio, name=f"hidden_dropout_{number}")(features)
    outputs, activation = (1, "sigmoid") if classes == 2 else (classes, "softmax")
    logits = keras.layers.Dense(outputs, name="output")(features)
    if network.pair_buckets:
        pairs = WordPairs(network.pair_buckets, outputs, name="word_pairs")(ids)
        logits = keras.layers.Add(name="both_parts")([logits, pairs])
    return keras.Model(inputs, keras.layers.Activation(activation, name="probabilities")(logits), name="lstm_network")


def _lstm(network: LstmNetwork, lstm_layer: Any) -> Any:
    if network.recurrent_dropout_ratio:
        lstm_layer = keras.layers.LSTM  # the fused one has no place for it
    lstm = lstm_layer(
        network.lstm_units,
        return_sequences=network.pooling != (LAST,),
        dropout=network.input_dropout_ratio,
        recurrent_dropout=network.recurrent_dropout_ratio,
        use_cudnn=False,
        name="lstm",
    )
    return keras.layers.Bidirectional(lstm, name="both_directions") if network.bidirectional else lstm


def _pool(outputs: Any, pooling: tuple[str, ...]) -> Any:
    """(batch, steps, units), or (batch, units) when only the last state is wanted -> (batch, features)."""
    layers = {MAXIMUM: MaskedMaxPooling1D, MEAN: keras.layers.GlobalAveragePooling1D}
    if pooling == (LAST,):
        return outputs
    pooled = [layers[name](name=name)(outputs) for name in pooling]
    return pooled[0] if len(pooled) == 1 else keras.layers.Concatenate(name="pooled")(pooled)


def directions(model: Any) -> list[Any]:
    """The network's LSTM layers: one, or the forward and the backward one."""
    wrapper = next(layer for layer in model.layers if layer.name in ("lstm", "both_directions"))
    return [wrapper.forward_layer, wrapper.backward_layer] if wrapper.name == "both_directions" else [wrapper]
