"""What a person at a terminal does while a command runs: single keys, Ctrl-C, and SIGTERM alike."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Never


def sigterm_as_ctrl_c() -> None:
    """From now on SIGTERM raises KeyboardInterrupt in the main thread."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> Never:
    raise KeyboardInterrupt


@contextmanager
def single_keys() -> Iterator[None]:
    """Let keys come without Enter and unseen while what stands inside runs, where standard input is a terminal."""
    if not watched():
        yield
        return
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def pressed(keys: str, seconds: float) -> bool:
    """Whether one of the keys was pressed or is within so many seconds; without a terminal it only waits."""
    until = time.monotonic() + seconds
    if not watched():
        time.sleep(max(0.0, seconds))
        return False
    while select.select([sys.stdin], [], [], max(0.0, until - time.monotonic()))[0]:
        typed = os.read(sys.stdin.fileno(), 64).decode(errors="replace")
        if not typed or set(typed) & set(keys):
            return True
    return False


def watched() -> bool:
    """Whether a person can press keys here: standard input is a terminal of a system with termios."""
    if sys.platform == "win32" or sys.stdin is None or sys.stdin.closed:
        return False
    return sys.stdin.isatty()
