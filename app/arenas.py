"""The heaps from which glibc serves the threads of a process; it calls them arenas."""

import ctypes

M_ARENA_MAX = -8
"""Of `malloc.h`. The variable MALLOC_ARENA_MAX says the same, but is read before the first line of Python."""

ARENAS = 2
"""One thread at a time runs Python, so threads that share them seldom wait for each other."""


def share_arenas() -> None:
    """Give all threads that come from now on `ARENAS` heaps in all. Another C library keeps its own way.

    By itself glibc makes eight for each processor and gives back to the system only what is free at the end of one.
    Requests run on threads that come and go, so what they freed piles up in every heap, as if the process lost memory.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, ARENAS)
