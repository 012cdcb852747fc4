"""An hour of mixed load: what grows in the second half is a leak, and a planted one is found by the same measure.

`LEUKOLENS_SOAK_MINUTES` says how long; limits are for an hour, a shorter run shows less.
"""

import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from app.arenas import ARENAS
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import running_server
from tests.faults.memory import growing_less_than, heaps
from tests.faults.soak import LIMITS_MB, Course, plant_leak, second_half_growth, soak

MINUTES = float(os.environ.get("LEUKOLENS_SOAK_MINUTES", "60"))
PLANTED_MINUTES = min(MINUTES, 4)
needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")


def test_growth_is_that_of_the_second_half_and_no_peak_decides() -> None:
    warm_up = [float(min(second, 50)) for second in range(100)]
    assert second_half_growth(warm_up) == 0
    assert second_half_growth([*warm_up[:-1], 1000.0]) == 0
    assert second_half_growth([float(second) for second in range(100)]) == 40


@pytest.mark.parametrize("name", LIMITS_MB)
def test_a_process_that_grows_by_more_than_its_limit_is_named(name: str) -> None:
    course = Course()
    for each, series in course.resident_mb.items():
        step = 3 * LIMITS_MB[each] / 100 if each == name else 0.0
        series += [200.0 + number * step for number in range(100)]
    assert course.grown() == {name: pytest.approx(1.2 * LIMITS_MB[name])}


def test_a_peak_that_is_gone_again_is_seen_and_belongs_to_one_block() -> None:
    size = 60 * 2**20
    with (
        pytest.raises(AssertionError, match="for a while"),
        growing_less_than(50, os.getpid()),
        mmap.mmap(-1, size) as fresh,  # memory that Python freed may be at hand, and then nothing grows
    ):
        fresh.write(b"x" * size)
    with growing_less_than(50, os.getpid()):
        pass


MANY_THREADS = """
import sys, threading
from app.arenas import bound_arenas
if "bound" in sys.argv:
    bound_arenas()
met = threading.Barrier(9)
def hold():
    held = bytes(10_000)
    met.wait()
    met.wait()
for _ in range(8):
    threading.Thread(target=hold).start()
met.wait()
print("met", flush=True)
sys.stdin.read()
met.wait()
"""


@needs_glibc
@pytest.mark.parametrize(("argument", "least", "most"), [("bound", 1, ARENAS - 1), ("do not", ARENAS, 8)])
def test_threads_share_few_heaps_and_without_a_word_have_many(argument: str, least: int, most: int) -> None:
    command = [sys.executable, "-c", MANY_THREADS, argument]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"met\n"
        found = heaps(child.pid)
        child.communicate()
    assert least <= found <= most


PICTURES = """
import os, sys
from pathlib import Path
from app.arenas import bound_arenas
if "bound" in sys.argv:
    bound_arenas()
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
def picture():
    return b"x" * 600_000
picture()
before, kept, pictures = resident(), [], []
for _ in range(40):
    pictures.append(picture())
    kept.append(b"x" * 10_000)
pictures.clear()
print((resident() - before) / 2**20)
"""


@needs_glibc
@pytest.mark.parametrize(("argument", "least", "most"), [("bound", 0, 4), ("do not", 15, 30)])
def test_what_a_picture_took_is_given_back_and_without_a_word_is_kept(
    argument: str, least: float, most: float
) -> None:
    command = [sys.executable, "-c", PICTURES, argument]
    kept_mb = float(subprocess.run(command, capture_output=True, check=True).stdout)
    assert least <= kept_mb <= most


def tell(course: Course) -> None:
    """What a run by hand writes down."""
    for name, series in course.resident_mb.items():
        print(f"{name}: {series[0]:.0f} MB at first, {max(series):.0f} at most, {series[-1]:.0f} at the end;")
        print(f"second half {second_half_growth(series):+.1f} MB")
    descriptors = course.descriptors
    print(f"descriptors {descriptors[0]:.0f} to {max(descriptors):.0f}; answers {dict(course.statuses)}")


@pytest.mark.long
def test_nothing_grows_under_mixed_load(tmp_path: Path) -> None:
    make_bundle(tmp_path / "models")
    with running_server(tmp_path, f"{NAME}/0.1.0") as server:
        course = soak(server, MINUTES * 60)
    tell(course)
    assert set(course.statuses) - {503} == {200, 201, 202, 422}
    assert course.grown() == {}


@pytest.mark.long
@pytest.mark.parametrize(("command", "name"), [("serve", "web"), ("worker", "engine")])
def test_a_planted_leak_is_found(tmp_path: Path, command: str, name: str) -> None:
    make_bundle(tmp_path / "models")
    second_half_s = PLANTED_MINUTES * 30
    planted = plant_leak(tmp_path / "planted", command, 2 * LIMITS_MB[name] / second_half_s)
    with running_server(tmp_path, f"{NAME}/0.1.0", **planted) as server:
        course = soak(server, PLANTED_MINUTES * 60)
    tell(course)
    assert name in course.grown()
