"""Waiting with a deadline, and watching that something holds for a while."""

import time
from collections.abc import Callable

from deploy.local.processes import LocalServiceError, wait_until

POLL_SECONDS = 0.1


class TooLate(AssertionError):
    """What was awaited did not come in time."""


def eventually(condition: Callable[[], bool], deadline_seconds: float, otherwise: str | Callable[[], str]) -> float:
    """Poll until the condition holds; how many seconds that took. Raises TooLate with the sentence of `otherwise`."""
    started = time.monotonic()
    try:
        wait_until(condition, deadline_seconds, otherwise if callable(otherwise) else lambda: otherwise)
    except LocalServiceError as error:
        raise TooLate(f"{error} ({deadline_seconds:g} s)") from None
    return time.monotonic() - started


def stays(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition holds all the time for so long."""
    until = time.monotonic() + seconds
    while condition():
        if time.monotonic() > until:
            return True
        time.sleep(POLL_SECONDS)
    return False


def now() -> float:
    """The clock of gaps and arrivals."""
    return time.monotonic()
