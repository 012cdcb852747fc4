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


def one_algebra_thread() -> None:
    """Before numpy is imported: OpenBLAS starts a thread for each processor, which spins for as long as it waits.

    Not for the web process: there two threads find similar cells in half the time.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
