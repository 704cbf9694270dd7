"""The weights of one LSTM network for engines that do not read ONNX, in Keras' layout, by names.

`embedding` (ids, units, maybe float16), `kernel`, `recurrent`, `bias` of the forward direction, `backward_kernel` ...
of the backward one, `hidden_1_kernel`, `hidden_1_bias`, ..., `output_kernel`, `output_bias`, and `pairs` (buckets,
outputs, maybe float16) of a network with a linear part.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.artifact import UNCHECKED, Records, read_part
from models.errors import BrokenArtifact

WEIGHTS_FILE = "weights.npz"
LSTM_KIND = "lstm"
LSTM_WITH_WORD_PAIRS_KIND = "lstm_with_word_pairs"  # a kind of its own: without its linear part it would score wrongly
MAX_POOL_LSTM_KIND = "max_pool_lstm"  # the first kind: one direction, the maximum, one hidden layer
MAXIMUM, MEAN, LAST = "maximum", "mean", "last"
_NAMES_OF_THE_FIRST_KIND = {
    "hidden_kernel": "hidden_1_kernel",
    "hidden_bias": "hidden_1_bias",
    "positive_kernel": "output_kernel",
    "positive_bias": "output_bias",
}

Weights = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class LstmShape:
    """What a manifest says of an LSTM network, as far as running it needs."""

    bidirectional: bool = False
    pooling: tuple[str, ...] = (MAXIMUM,)
    hidden_layers: int = 1
    word_pairs: bool = False

    @classmethod
    def of(cls, network: dict[str, Any]) -> Self | None:
        """The shape that a manifest's `network` tells, or None when it is no LSTM that this release knows."""
        if network.get("kind") == MAX_POOL_LSTM_KIND:
            return cls()
        if network.get("kind") not in (LSTM_KIND, LSTM_WITH_WORD_PAIRS_KIND):
            return None
        word_pairs = network["kind"] == LSTM_WITH_WORD_PAIRS_KIND
        try:
            hidden_layers = len(network["hidden_units"])
            shape = cls(bool(network["bidirectional"]), tuple(network["pooling"]), hidden_layers, word_pairs)
            known = bool(shape.pooling) and set(shape.pooling) <= {MAXIMUM, MEAN, LAST}
        except (KeyError, TypeError):
            return None
        return shape if known else None

    def weight_names(self) -> frozenset[str]:
        layers = [f"hidden_{number}" for number in range(1, self.hidden_layers + 1)] + ["output"]
        dense = {f"{layer}_{part}" for layer in layers for part in ("kernel", "bias")}
        prefixes = ("", "backward_") if self.bidirectional else ("",)
        cells = {prefix + part for prefix in prefixes for part in ("kernel", "recurrent", "bias")}
        return frozenset({"embedding"} | dense | cells | ({"pairs"} if self.word_pairs else set()))


def write_weights(path: Path, weights: Weights) -> None:
    np.savez(path, allow_pickle=False, **weights)


def read_weights(path: Path, shape: LstmShape, records: Records = UNCHECKED) -> Weights:
    """Raises BrokenArtifact when the file is missing, damaged, or lacks weights of the shape."""
    content = read_part(path, records)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            weights = {_NAMES_OF_THE_FIRST_KIND.get(name, name): array for name, array in arrays.items()}
    except (OSError, EOFError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise BrokenArtifact(f"Cannot read {path}: {error}.") from error
    if missing := sorted(shape.weight_names() - set(weights)):
        raise BrokenArtifact(f"{path} lacks weights: {', '.join(missing)}.")
    return weights
