"""ONNX Runtime: runs every network, and is what the others are measured against."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.artifact import NETWORK_FILE, UNCHECKED, Records, read_part
from models.engines.padding import padded_batches
from models.errors import BrokenArtifact
from models.text import Tokens


class OnnxRuntimeEngine:
    """ONNX Runtime on the CPU with a fixed number of threads; none of them spins while there is nothing to do."""

    name = "onnxruntime"

    def __init__(self, directory: Path, threads: int, records: Records = UNCHECKED) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = directory / NETWORK_FILE
        network = read_part(path, records)
        try:
            self._session: Any = onnxruntime.InferenceSession(network, options, ["CPUExecutionProvider"])
        except Exception as error:  # its errors share no other base class
            raise BrokenArtifact(f"ONNX Runtime cannot load {path}: {str(error).splitlines()[0]}") from error
        self._classes = int(self._session.get_outputs()[0].shape[1])

    def infer(self, tokens: Tokens) -> tuple[NDArray[np.float32], int]:
        probabilities = np.empty((len(tokens), self._classes), np.float32)
        padded_tokens = 0
        for rows, ids, lengths in padded_batches(tokens):
            probabilities[rows] = self._session.run(("probabilities",), {"ids": ids, "lengths": lengths})[0]
            padded_tokens += ids.size
        return probabilities, padded_tokens
