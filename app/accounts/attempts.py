"""How often something was tried lately, in the memory of this one process.

Own, because `limits` counts by the wall clock, which an administrator or a time server may set back: a limiter that
follows it lets everybody in or nobody. A second web process would count for itself, so the limits would double.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

SWEEP_ABOVE = 10_000


@dataclass(frozen=True)
class Limit:
    """At most `count` in any `seconds`. name: tells buckets of different limits apart."""

    name: str
    count: int
    seconds: float


Bucket = tuple[Limit, str]
"""A limit and whom it counts."""


class Attempts:
    """Moving windows. clock: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._taken: dict[Bucket, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, *buckets: Bucket) -> int | None:
        """Count an attempt in all buckets, or in none: then the whole seconds until there is room again."""
        with self._lock:
            now = self._clock()
            if len(self._taken) > SWEEP_ABOVE:
                self._sweep(now)
            waits = [wait for bucket in buckets if (wait := self._wait(bucket, now)) > 0]
            if waits:
                return ceil(max(waits))
            for bucket in buckets:
                self._taken.setdefault(bucket, deque()).append(now)
            return None

    def give_back(self, *buckets: Bucket) -> None:
        """Uncount the newest attempt: it was no guess."""
        with self._lock:
            for bucket in buckets:
                if times := self._taken.get(bucket):
                    times.pop()

    def _wait(self, bucket: Bucket, now: float) -> float:
        times = self._taken.get(bucket)
        if times is None:
            return 0.0
        limit = bucket[0]
        while times and times[0] <= now - limit.seconds:
            times.popleft()
        return times[0] + limit.seconds - now if len(times) >= limit.count else 0.0

    def _sweep(self, now: float) -> None:
        old = [
            bucket
            for bucket, times in self._taken.items()
            if not times or times[-1] <= now - bucket[0].seconds
        ]
        for bucket in old:
            del self._taken[bucket]
