"""What happens beside the fitting itself: stopping, and telling a person how far it is."""

from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class StopAtAccuracy(keras.callbacks.Callback):  # type: ignore[misc]
    """Stops after the epoch whose accuracy on the training texts reaches the given share, as the article does."""

    def __init__(self, accuracy: float) -> None:
        super().__init__()
        self._accuracy = accuracy

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs and logs["accuracy"] >= self._accuracy:
            self.model.stop_training = True


class TellProgress(keras.callbacks.Callback):  # type: ignore[misc]
    """A line an epoch on standard error, and on a terminal a bar for the epoch that is going on."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal, transient=True)

    def on_train_begin(self, logs: Any = None) -> None:
        self._bar.start()
        self._task = self._bar.add_task("epoch 1", total=self.params["steps"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._bar.reset(self._task, description=f"epoch {epoch + 1} of at most {self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._bar.update(self._task, completed=batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        told = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        self._console.print(f"epoch {epoch + 1}: {told}", soft_wrap=True)

    def on_train_end(self, logs: Any = None) -> None:
        self._bar.stop()
