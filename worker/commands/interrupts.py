"""Commands that end in the same orderly way on SIGTERM as on Ctrl-C."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Never


def sigterm_as_ctrl_c() -> None:
    """From now on SIGTERM raises KeyboardInterrupt in the main thread."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> Never:
    raise KeyboardInterrupt
