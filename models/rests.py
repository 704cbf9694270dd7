"""Places at which long work can be interrupted by whoever asked for it, to let others have the processor."""

from collections.abc import Callable

Rest = Callable[[], None]


def no_rest() -> None:
    """Go on at once."""
