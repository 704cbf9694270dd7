"""Types of command-line arguments that several commands take."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable

from worker.kafka.types import EARLIEST, LATEST

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def duration_seconds(text: str) -> float:
    """`10m`, `1h30m`, `2d`, `500ms` as seconds; for argparse."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time such as 30s, 10m, 2h or 1d")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def positive(text: str) -> int:
    """A whole number above zero; for argparse."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)


def start_of(since_seconds: float | None, from_beginning: bool, clock: Callable[[], float] = time.time) -> int:
    """Where to begin, for `Subscription.start`: all, what is younger than `since_seconds`, or what comes next."""
    if from_beginning:
        return EARLIEST
    return LATEST if since_seconds is None else max(0, int((clock() - since_seconds) * 1000))
