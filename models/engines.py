"""What runs a network: one small interface, one class per library. Scores must be the same whichever runs."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.artifact import NETWORK_FILE
from models.errors import BrokenArtifact, ModelNotFound

DEFAULT_ENGINE = "onnxruntime"


class Engine(Protocol):
    """A loaded network. `name` is what settings and metrics call it."""

    name: str

    def run(self, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        """Ids (batch, steps), padded on the right, and lengths (batch,) -> probabilities (batch, classes)."""


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU with a fixed number of threads; none of them spins while there is nothing to do."""

    name = "onnxruntime"

    def __init__(self, directory: Path, threads: int) -> None:
        import onnxruntime  # takes a tenth of a second that `models list` need not pay

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session: Any = onnxruntime.InferenceSession(
                (directory / NETWORK_FILE).read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except OSError as error:
            raise BrokenArtifact(f"Cannot read {directory / NETWORK_FILE}: {error.strerror}.") from error
        except Exception as error:  # its errors share no other base class
            reason = str(error).splitlines()[0]
            raise BrokenArtifact(f"ONNX Runtime cannot load {directory / NETWORK_FILE}: {reason}") from error

    def run(self, ids: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = self._session.run(("probabilities",), {"ids": ids, "lengths": lengths})[0]
        return probabilities


_ENGINES = {OnnxRuntimeEngine.name: OnnxRuntimeEngine}


def load_engine(name: str, directory: Path, threads: int) -> Engine:
    """Raises ModelNotFound for an unknown engine, BrokenArtifact when the network does not load."""
    if name not in _ENGINES:
        raise ModelNotFound(f"There is no engine {name!r}; there are: {', '.join(sorted(_ENGINES))}.")
    return _ENGINES[name](directory, threads)
