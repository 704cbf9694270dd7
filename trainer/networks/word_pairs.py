"""The linear part of a network as a Keras layer; see models.engines.word_pairs for what it is."""

from typing import Any

import keras

from models.engines.word_pairs import LEFT_FACTOR, RIGHT_FACTOR


@keras.saving.register_keras_serializable(package="kafka_sentiment")
class WordPairs(keras.layers.Layer):  # type: ignore[misc]
    """A weight for every word and every pair of neighbours, all 0 before the first step."""

    def __init__(self, buckets: int, outputs: int, **options: Any) -> None:
        super().__init__(**options)
        self.buckets, self.outputs = buckets, outputs
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        shape = (self.buckets, self.outputs)
        self.pairs = self.add_weight(shape=shape, initializer="zeros", name="pairs")

    def call(self, ids: Any, mask: Any = None) -> Any:
        """Ids int32 (batch, steps), padded with zeros on the right -> (batch, outputs)."""
        ids = keras.ops.cast(ids, "int64")
        following = keras.ops.pad(ids[:, 1:], [[0, 0], [0, 1]])
        words = self._weights(ids * LEFT_FACTOR, ids > 0)
        pairs = self._weights(ids * LEFT_FACTOR + following * RIGHT_FACTOR, following > 0)
        lengths = keras.ops.sum(keras.ops.cast(ids > 0, "float32"), axis=1, keepdims=True)
        return keras.ops.sum(words + pairs, axis=1) / keras.ops.sqrt(lengths)

    def _weights(self, numbers: Any, there: Any) -> Any:
        """(batch, steps, outputs), 0 where there is no word or no neighbour."""
        found = keras.ops.take(self.pairs, keras.ops.mod(numbers, self.buckets), axis=0)
        return found * keras.ops.expand_dims(keras.ops.cast(there, "float32"), -1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Time is gone, and the mask with it."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], self.outputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "buckets": self.buckets, "outputs": self.outputs}
