"""The networks, in Keras. Ids are padded with zeros on the right; padding takes no part in any result."""

from dataclasses import asdict, dataclass
from typing import Any

import keras


@dataclass(frozen=True, slots=True)
class MaxPoolLstm:
    """Embedding, LSTM, the maximum over time, a small hidden layer: the article's Model D.

    Dropout acts in training only: on whole components of the word vectors, the same ones for all of a text, and on
    the maximum.
    """

    embedding_units: int = 64
    lstm_units: int = 50
    hidden_units: int = 16
    word_dropout_ratio: float = 0.0
    dropout_ratio: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {"kind": "max_pool_lstm", **asdict(self)}


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


def build(network: MaxPoolLstm, id_count: int) -> Any:
    """A keras.Model: ids int32 (batch, steps) -> probability of the positive class (batch, 1)."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    steps = keras.layers.Embedding(id_count, network.embedding_units, mask_zero=True, name="embedding")(ids)
    steps = keras.layers.SpatialDropout1D(network.word_dropout_ratio, name="word_dropout")(steps)
    steps = keras.layers.LSTM(network.lstm_units, return_sequences=True, use_cudnn=False, name="lstm")(steps)
    features = MaskedMaxPooling1D(name="maximum")(steps)
    features = keras.layers.Dropout(network.dropout_ratio, name="dropout")(features)
    features = keras.layers.Dense(network.hidden_units, activation="relu", name="hidden")(features)
    positive = keras.layers.Dense(1, activation="sigmoid", name="positive")(features)
    return keras.Model(ids, positive, name="max_pool_lstm")
