"""Which servers serve a data folder: each holds a lock there for as long as it lives, however it ends."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = "servers.lock"


@contextmanager
def present(data_dir: Path, *, if_alone: Callable[[], None]) -> Iterator[None]:
    """Be one of the servers of a folder until the block ends; the kernel ends it for a process that dies.

    Args:
        data_dir: what the servers share.
        if_alone: called first where no other server lives; one that starts meanwhile waits for it.
    """
    with (data_dir / LOCK).open("w") as file:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if_alone()
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
