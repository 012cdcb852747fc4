"""How many requests may be on their way to the engine; asked before a body is read."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import Overloaded

RETRY_AFTER_S = 2
SHARE_OF_DEADLINE = 0.8
"""A newcomer is expected to be answered within this much of the deadline, or it is refused at once."""

WEIGHT_OF_NEWEST = 0.2


class Admission:
    """Counts the requests inside, from before their body is read until their answer is made.

    Counting at the engine's queue would be too late: a thousand requests would pass its door together, all
    their bodies read, before the first cell is in the queue. And who would only wait for the deadline to pass
    is better told at the door: how long the requests inside will take is known from the last answers.

    Args:
        places: never more inside than these.
        deadline_s: how long one may wait for its answer.
        clock: seconds, never going back.
    """

    def __init__(self, places: int, deadline_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._places = places
        self._longest_wait_s = deadline_s * SHARE_OF_DEADLINE
        self._clock = clock
        self._seconds_per_answer = 0.0
        self._last_at = 0.0
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place.

        Raises:
            Overloaded: all are taken, or the wait would be too long.
        """
        if self.taken >= self._places or self.taken * self._seconds_per_answer > self._longest_wait_s:
            raise Overloaded(
                f"{self.taken} requests are waiting already. Send again after the time in Retry-After.",
                retry_after_s=RETRY_AFTER_S,
            )
        if self.taken == 0:
            self._last_at = self._clock()
        self.taken += 1
        try:
            yield
            self._note_answer()
        finally:
            self.taken -= 1

    def _note_answer(self) -> None:
        """Learn from the time since the answer before; refusals are quick and would teach the wrong thing.

        A request that was alone shows no more than the longest it can be: many overlap.
        """
        now = self._clock()
        newest, self._last_at = now - self._last_at, now
        known = self._seconds_per_answer
        if not known:
            self._seconds_per_answer = newest
        elif newest < known or self.taken > 1:
            self._seconds_per_answer += WEIGHT_OF_NEWEST * (newest - known)
