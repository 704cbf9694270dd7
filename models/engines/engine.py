"""What runs a network: one small interface, one module per library. Scores are the same whichever runs (1e-5)."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.artifact import UNCHECKED, Manifest, Records
from models.engines.weights import WEIGHTS_FILE, LstmShape
from models.errors import ModelNotFound
from models.text import Tokens
from models.timing import YieldCpu, never_yield

FASTEST = "fastest"


class Engine(Protocol):
    """A loaded network. `name` is what settings and metrics call it."""

    name: str

    def infer(self, tokens: Tokens) -> tuple[NDArray[np.float32], int]:
        """Probabilities float32 (texts, classes) in the order of the texts, and the ids computed, padding included."""


def load_engine(
    name: str,
    directory: Path,
    manifest: Manifest,
    threads: int,
    yield_cpu: YieldCpu = never_yield,
    records: Records = UNCHECKED,
) -> Engine:
    """Loads a version's network into the named engine; `fastest` is the fastest that can run it.

    What is read must be what `records` say; `yield_cpu` is called between pieces of work.
    Raises ModelNotFound for an engine that does not exist or cannot run this network, BrokenArtifact when the network
    does not load.
    """
    from models.engines.numpy_lstm import LstmEngine
    from models.engines.onnx import OnnxRuntimeEngine  # slow to import, and `models list` needs none of them

    lstm = LstmShape.of(manifest.network) if WEIGHTS_FILE in manifest.files else None
    if name == FASTEST:
        name = LstmEngine.name if lstm and threads == 1 else OnnxRuntimeEngine.name
    if name == OnnxRuntimeEngine.name:
        return OnnxRuntimeEngine(directory, threads, records)
    if name == LstmEngine.name and lstm:
        small_batches = OnnxRuntimeEngine(directory, threads, records)
        yield_cpu()
        return LstmEngine(directory, lstm, small_batches, yield_cpu, records)
    known = ", ".join((FASTEST, OnnxRuntimeEngine.name, LstmEngine.name))
    raise ModelNotFound(f"The engine {name!r} does not exist or cannot run this network; there are: {known}.")
