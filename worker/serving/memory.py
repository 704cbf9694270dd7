"""What becomes of memory that is given back, and what the garbage collector looks at."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

# mallopt(3). Left alone, glibc raises the first limit to the size of what is freed, so that each new version of a model
# would come to lie between others' leftovers: 50 swaps took 17 % more memory, and 5 % with these.
# The first is above what a batch needs and below the tables of a model; without the second a batch would have to ask
# for its memory anew, for a tenth of the speed.
_MMAP_THRESHOLD, _MMAP_BYTES = -3, 4 * 1024 * 1024
_TRIM_THRESHOLD, _TRIM_BYTES = -1, 32 * 1024 * 1024
_ARENA_MAX, _ARENAS = -8, 2


def tune_malloc() -> None:
    """Give large pieces back at once and keep small ones together; to be called before there are threads.

    Where the C library is not glibc, this and `trim_heap` have no effect.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for option, value in ((_MMAP_THRESHOLD, _MMAP_BYTES), (_TRIM_THRESHOLD, _TRIM_BYTES), (_ARENA_MAX, _ARENAS)):
            library.mallopt(option, value)


def trim_heap() -> None:
    """Return to the system what was freed."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def freeze_gc() -> None:
    """Let the garbage collector look no more at what is there now; to be called when the stream begins.

    Looking at the hundred thousand objects of all the libraries holds every thread up for 40 ms, the stream's too. What
    is in no cycle, as versions are, is freed all the same.
    """
    gc.collect()
    gc.freeze()
