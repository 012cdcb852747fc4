"""Where a retraining works: one at a time, in a folder of its own, of which only the outcome and a challenger stay.

What was prepared from cells, pictures among it, goes when the training ends; what a killed one left goes when the next
one begins.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from app.errors import Conflict

REVIEWED, STORE, LOG, REPORT = "reviewed", "store", "training.log", "retraining.json"
_KEPT: Final = frozenset({STORE, LOG, REPORT})


@contextmanager
def workplace(folder: Path, now: datetime) -> Iterator[Path]:
    """A new folder below `folder`, cleared of everything but the outcome at the end.

    Raises:
        Conflict: another retraining is running.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise Conflict("Another retraining is running. Wait until it is done.") from taken
        for left in folder.iterdir():
            _clear(left)
        place = folder / f"{now:%Y%m%dT%H%M%S}"
        place.mkdir()
        try:
            yield place
        finally:
            _clear(place)


def _clear(place: Path) -> None:
    if place.is_dir():
        for path in place.iterdir():
            if path.name not in _KEPT:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
