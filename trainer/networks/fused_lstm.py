"""An LSTM layer that runs a whole text as one TensorFlow operation: Keras' own is a loop of small ones."""

from typing import Any

import keras
import tensorflow


@keras.saving.register_keras_serializable(package="kafka_sentiment")
class FusedLstm(keras.layers.LSTM):  # type: ignore[misc]
    """Computes what keras.layers.LSTM does, with the same weights, for texts that are padded on the right.

    The operation is TensorFlow's BlockLSTM. Its successor BlockLSTMV2 is not used: its gradient (TensorFlow 2.21) takes
    the forget gate and the cell for one another. Recurrent dropout (ValueError) and a state to start from are not
    supported.
    """

    def __init__(self, units: int, **options: Any) -> None:
        if options.get("recurrent_dropout"):
            raise ValueError("A fused LSTM has no place for recurrent dropout; use keras.layers.LSTM.")
        super().__init__(units, **options)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """(batch, steps, features), mask (batch, steps) or None -> (batch, steps, units), or the last (batch, units).

        Of a padded text the outputs past its end are not those of its last word, as they are in Keras: pool with the
        mask. With `go_backwards` the steps come in reverse, as Keras has it.
        """
        if training and self.dropout:
            kept = tensorflow.ones_like(sequences[:, :1, :])  # one mask for all of a text's steps
            sequences = sequences * keras.random.dropout(kept, self.dropout, seed=self.cell.seed_generator)
        steps = tensorflow.shape(sequences)[1]
        lengths = None if mask is None else tensorflow.reduce_sum(tensorflow.cast(mask, tensorflow.int32), axis=1)
        if self.go_backwards:
            sequences = _reverse(sequences, lengths)
        by_step = self._run(tensorflow.transpose(sequences, [1, 0, 2]))
        if not self.return_sequences:
            last = steps - 1 if lengths is None else tensorflow.maximum(lengths - 1, 0)
            indices = tensorflow.broadcast_to(last, tensorflow.shape(by_step)[1:2])
            return tensorflow.gather(tensorflow.transpose(by_step, [1, 0, 2]), indices, batch_dims=1)
        outputs = tensorflow.transpose(by_step, [1, 0, 2])
        return _reverse(_reverse(outputs, lengths), None) if self.go_backwards else outputs

    def _run(self, sequences: Any) -> Any:
        """(steps, batch, features) -> (steps, batch, units)."""
        start = tensorflow.zeros((tensorflow.shape(sequences)[1], self.units))
        peephole = tensorflow.zeros(self.units)
        return tensorflow.raw_ops.BlockLSTM(
            seq_len_max=tensorflow.cast(tensorflow.shape(sequences)[0], tensorflow.int64),
            x=sequences,
            cs_prev=start,
            h_prev=start,
            w=_reorder_gates(tensorflow.concat([self.cell.kernel, self.cell.recurrent_kernel], axis=0)),
            wci=peephole,
            wcf=peephole,
            wco=peephole,
            b=_reorder_gates(self.cell.bias[None])[0],
            forget_bias=0.0,  # Keras has it in the bias
            cell_clip=-1.0,
            use_peephole=False,
        ).h


def _reorder_gates(weights: Any) -> Any:
    """(rows, 4 x units), from Keras' order of gates (input, forget, cell, output) to BlockLSTM's (i, c, f, o)."""
    input_gate, forget_gate, cell, output_gate = tensorflow.split(weights, 4, axis=1)
    return tensorflow.concat([input_gate, cell, forget_gate, output_gate], axis=1)


def _reverse(sequences: Any, lengths: Any) -> Any:
    """Each text's own steps in reverse order, padding left where it is; without lengths all steps in reverse."""
    if lengths is None:
        return tensorflow.reverse(sequences, [1])
    return tensorflow.reverse_sequence(sequences, lengths, seq_axis=1, batch_axis=0)
