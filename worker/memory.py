"""What the C library does with memory that is given back; where it is not glibc, nothing here has an effect."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# mallopt(3). Left alone, glibc raises the first limit to the size of what is freed, so that each new version of a model
# would come to lie between others' leftovers: 50 swaps took 17 % more memory, and 5 % with these.
# The first is above what a batch needs and below the tables of a model; without the second a batch would have to ask
# for its memory anew, for a tenth of the speed.
_MMAP_THRESHOLD, _MMAP_BYTES = -3, 4 * 1024 * 1024
_TRIM_THRESHOLD, _TRIM_BYTES = -1, 32 * 1024 * 1024
_ARENA_MAX, _ARENAS = -8, 2


def keep_steady() -> None:
    """Give large pieces back at once and keep small ones together; to be called before there are threads."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for option, value in ((_MMAP_THRESHOLD, _MMAP_BYTES), (_TRIM_THRESHOLD, _TRIM_BYTES), (_ARENA_MAX, _ARENAS)):
            library.mallopt(option, value)


def give_back() -> None:
    """Return to the system what was freed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
