"""What a process need not do while it starts."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Search for no garbage inside, and never again among what was made there.

    What is imported stays. The web process imports 300,000 objects, and every search on the way would look at all there
    are by then: a tenth of its start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def let_algebra_sleep() -> None:
    """Before numpy is imported, here and in child processes: threads of OpenBLAS that have nothing to do sleep.

    By themselves they spin for a twentieth of a second first, in every process that starts.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2^4 cycles, the least it takes
