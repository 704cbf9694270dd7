"""A time limit of ours around calls to libraries that have none, or do not keep theirs."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any


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
