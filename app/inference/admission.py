"""How many requests may be on their way to the engine; asked before a body is read."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import Overloaded

RETRY_AFTER_S = 2


class Admission:
    """Counts the requests inside, from before their body is read until their answer is made.

    Counting at the engine's queue would be too late: a thousand requests would pass its door together, all
    their bodies read, before the first cell is in the queue.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            Overloaded: all are taken.
        """
        if self.taken >= self._places:
            raise Overloaded(
                f"All {self._places} places are taken. Send again after the time in Retry-After.",
                retry_after_s=RETRY_AFTER_S,
            )
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
