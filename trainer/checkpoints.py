"""The state of a fit after each epoch, on disk: what a run that was stopped goes on from. Arrays and JSON only."""

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import BadData

HISTORY = "history"

History = dict[str, list[float]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`epoch` epochs are done; `variables` are all of the fit's, in its order; `history` has one value an epoch."""

    epoch: int
    variables: list[NDArray[Any]]
    history: History


class Checkpoints:
    """Two at most are kept: the last, to go on from, and the best, to end with."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, variables: Sequence[Any], history: History) -> None:
        """Writes the state after the history's last epoch; a kill at any moment leaves the one before whole."""
        self._directory.mkdir(exist_ok=True)
        epoch = len(history["loss"])
        arrays = {f"{index:04d}": np.asarray(variable.numpy()) for index, variable in enumerate(variables)}
        prepared = self._directory / ".new"
        with prepared.open("wb") as stream:
            np.savez(
                stream, allow_pickle=False, **arrays, **{HISTORY: np.frombuffer(json.dumps(history).encode(), np.uint8)}
            )
            stream.flush()
            os.fsync(stream.fileno())
        prepared.replace(self._path(epoch))
        for path in self._paths():
            if path not in (self._path(epoch), self._path(best_epoch(history))):
                path.unlink()

    def load(self, epoch: int | None = None) -> Checkpoint | None:
        """The last one, or that of an epoch; None when there is none. Raises BadData for a damaged one."""
        paths = self._paths() if epoch is None else [self._path(epoch)]
        if not paths or not paths[-1].exists():
            return None
        try:
            with paths[-1].open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
                history = json.loads(arrays[HISTORY].tobytes())
                variables = [arrays[name] for name in sorted(set(arrays.files) - {HISTORY})]
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise BadData(f"Cannot read the checkpoint {paths[-1]}: {error}.") from error
        return Checkpoint(int(paths[-1].stem.removeprefix("epoch-")), variables, history)

    def _path(self, epoch: int) -> Path:
        return self._directory / f"epoch-{epoch:04d}.npz"

    def _paths(self) -> list[Path]:
        return sorted(self._directory.glob("epoch-*.npz"))


def best_epoch(history: History) -> int:
    """The epoch, counted from 1, with the lowest loss on the held-out texts."""
    return int(np.argmin(np.nan_to_num(history["val_loss"], nan=np.inf))) + 1
