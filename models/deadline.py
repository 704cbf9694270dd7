"""A time limit of ours around calls to libraries that have none, or do not keep theirs."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")


def within(seconds: float, function: Callable[[], Any]) -> Any:
    """What `function()` returns or raises; raises TimeoutError after so many seconds.

    A late call is left to a thread that ends with it, and may still have its effect.
    """
    outcomes: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            outcomes.put((function(), None))
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            outcomes.put((None, error))

    threading.Thread(target=run, name="store", daemon=True).start()
    try:
        result, error = outcomes.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return result


class Deadline:
    """A time limit around calls to one place that may hang, such as a mounted directory.

    While a late call still hangs, others fail at once: a place that is asked again and again piles up no threads.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._late: threading.Event | None = None

    def ask(self, function: Callable[[], Result], more_seconds: float = 0.0) -> Result:
        """As `within`, with so many seconds more where the call has waits of its own."""
        if self._late and not self._late.is_set():
            raise TimeoutError("an earlier call still has no answer")
        ended = threading.Event()

        def run() -> Result:
            try:
                return function()
            finally:
                ended.set()

        try:
            result: Result = within(self.seconds + more_seconds, run)
        except TimeoutError:
            self._late = ended
            raise
        return result
