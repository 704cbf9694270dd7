"""What a person sees while a network is fitted: a bar with loss, accuracy and time left, and a line an epoch."""

from collections.abc import Callable
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


class Progress:
    """Writes to standard error: the bar only on a terminal, the lines always, and each line to `log` as well."""

    def __init__(self, log: Callable[[str], None] = lambda line: None) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._log = log
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, console=self.console, disable=not self.console.is_terminal, transient=True)
        self._task = self._bar.add_task("", visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def tell(self, line: str) -> None:
        self.console.print(line, soft_wrap=True)
        self._log(line)

    def start_epoch(self, number: int, epochs: int, steps: int) -> None:
        """`number` counts from 0."""
        self._name = f"epoch {number + 1} of {epochs}"
        self._bar.reset(self._task, total=steps, description=self._name, visible=True)

    def step(self, done: int, loss: float, accuracy: float) -> None:
        """After a batch: mean loss and accuracy of the epoch so far."""
        description = f"{self._name}  loss {loss:.4f}  accuracy {accuracy:.4f}"
        self._bar.update(self._task, completed=done, description=description)

    def end_epoch(self, number: int, reported: dict[str, float]) -> None:
        self.tell(
            f"epoch {number + 1}: loss {reported['loss']:.4f}, accuracy {reported['accuracy']:.4f}; "
            f"held out: loss {reported['val_loss']:.4f}, accuracy {reported['val_accuracy']:.4f}; "
            f"{reported['seconds']:.0f} s"
        )
