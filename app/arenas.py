"""How much memory glibc keeps for a process that has given it back: its heaps, which it calls arenas."""

import ctypes

M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8
"""Of `malloc.h`. Variables of the environment say the same, but are read before the first line of Python."""

ARENAS = 2
"""One thread at a time runs Python, so threads that share them seldom wait for each other."""

LARGE_BYTES = 128 * 1024
"""What is larger lies in no heap and goes back to the system at once. glibc begins with this limit, but raises it to the
largest block that was ever freed: soon pictures would lie in the heaps, and holes of their size stay there.
"""

ENGINE_LARGE_BYTES = 4 * 1024 * 1024
"""The engine process takes blocks of a megabyte for every cell; fetching those from the system each time costs a tenth."""


def bound_arenas(large_bytes: int = LARGE_BYTES) -> None:
    """Give all threads that come from now on `ARENAS` heaps in all, for small blocks. Another C library keeps its own way.

    By itself glibc makes eight for each processor and gives back to the system only what is free at the end of one.
    Requests run on threads that come and go, so what they freed piles up in every heap, as if the process lost memory.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, large_bytes)
