"""What a process holds of the machine's memory, as the kernel tells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

HEAP_BYTES = 64 * 2**20


@contextmanager
def growing_less_than(megabytes: float, pid: int) -> Iterator[None]:
    """At no moment within the block does a process hold so much more than before it."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak that the kernel knows begins anew
    before = _peak_mb(pid)
    yield
    grown = _peak_mb(pid) - before
    assert grown < megabytes, f"{grown:.0f} MB more for a while"


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def heaps(pid: int) -> int:
    """How many heaps glibc has made for a process's threads beside its first one: each is 64 MB of addresses, of which
    the part behind what was used is closed.
    """
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    spans = [tuple(int(end, 16) for end in line.split()[0].split("-")) for line in lines]
    return sum(
        "rw-p" in line and "---p" in follower and start % HEAP_BYTES == 0 and last == start + HEAP_BYTES
        for (line, (start, _)), (follower, (_, last)) in pairwise(zip(lines, spans, strict=True))
    )
