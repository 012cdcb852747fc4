"""Files made to break a decoder: refused or read, never a 5xx, and the web process stays as it was."""

import asyncio
import multiprocessing
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.accounts.permissions import Scope
from app.errors import FileRefused
from app.inference.decoder_pool import DecoderPool
from tests.app.conftest import RunningApp, png_of
from tests.faults.hostile_images import CELL, PLANTED, bombs, decode_alone, mutated, odd_tiffs, polyglots
from tests.faults.memory import growing_less_than

AT_ONCE = 50
SLOWEST_S = 2.0
SAME_PIXELS = sha256(CELL.tobytes()).hexdigest()
COUNTS = [300, pytest.param(1_500, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.long)]


@cache
def bombs_and_odd_tiffs() -> dict[str, bytes]:
    return bombs() | odd_tiffs()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    """Decoder children without a server around them."""
    pool = DecoderPool(2)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessPoolExecutor]:
    """A process for decoding without the pool: a decoder that crashes there fails a test and ends no other."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        yield process


async def in_children(pool: DecoderPool, files: list[bytes]) -> list[str]:
    """What the pool says of each file."""

    async def ask(data: bytes) -> str:
        try:
            return (await pool.read(data)).pixels_sha256
        except FileRefused as refusal:
            return refusal.code

    said: list[str] = []
    for start in range(0, len(files), AT_ONCE):
        said += await asyncio.gather(*map(ask, files[start : start + AT_ONCE]))
    return said


@pytest.mark.parametrize("count", COUNTS)
def test_a_mutated_picture_is_read_or_refused_and_the_children_say_what_the_decoder_says(
    pool: DecoderPool, apart: ProcessPoolExecutor, count: int
) -> None:
    files = list(mutated(count, seed=count))
    expected = list(apart.map(decode_alone, files, chunksize=AT_ONCE))
    assert asyncio.run(in_children(pool, files)) == [said for said, _ in expected]
    kinds = Counter(said for said, _ in expected)
    assert kinds["image_unreadable"] > count / 10, "the mutations broke nothing"
    assert max(seconds for _, seconds in expected) < SLOWEST_S


def test_mutated_pictures_get_no_5xx(own_app: RunningApp) -> None:
    headers = own_app.key(Scope.CASES_WRITE)
    case = own_app.client.post("/api/v1/cases", headers=headers, json={}).json()["id"]
    files = [("images", ("cell.png", data)) for data in mutated(60, seed=7)]
    taken = own_app.client.post(f"/api/v1/cases/{case}/cells", headers=headers, files=files)
    assert taken.status_code == 202, taken.text
    statuses = [
        own_app.client.post("/api/v1/predictions", headers=headers, files={"image": ("c", data)}).status_code
        for data in mutated(40, seed=8)
    ]
    assert set(statuses) <= {201, 413, 415, 422}
    assert 422 in statuses


@pytest.mark.parametrize("name", sorted(bombs_and_odd_tiffs()))
def test_a_bomb_or_an_odd_tiff_is_refused_or_read_as_exactly_its_pixels(
    apart: ProcessPoolExecutor, name: str
) -> None:
    said, _ = apart.submit(decode_alone, bombs_and_odd_tiffs()[name]).result()
    assert said.startswith(("image_", "unsupported_")) or (name in odd_tiffs() and said == SAME_PIXELS)


def test_bombs_leave_the_web_process_as_it_was(own_app: RunningApp) -> None:
    headers = own_app.key(Scope.CASES_WRITE)
    with growing_less_than(50, os.getpid()):
        for name, data in bombs_and_odd_tiffs().items():
            files = {"image": ("c.png", data)}
            answer = own_app.client.post("/api/v1/predictions", headers=headers, files=files)
            assert answer.status_code in (201, 413, 415, 422), (name, answer.text)


@pytest.mark.parametrize("name", sorted(polyglots()))
def test_nothing_that_hides_in_a_picture_is_stored_or_served(own_app: RunningApp, name: str) -> None:
    headers, data = own_app.key(Scope.CASES_READ, Scope.CASES_WRITE), polyglots()[name]
    assert PLANTED in data or b"PK" in data
    answer = own_app.client.post(
        "/api/v1/predictions", headers=headers, files={"image": ("../../x.html", data, "text/html")}
    )
    assert answer.status_code == 201, answer.text
    served = own_app.client.get(f"/api/v1/cells/{answer.json()['cell_id']}/image.png", headers=headers)
    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"
    kept = [path.read_bytes() for path in own_app.settings.data_dir.rglob("*") if path.is_file()]
    assert served.content in kept
    assert not any(
        word in file for file in [served.content, *kept] for word in (PLANTED, b"<script", b"PK\x03\x04")
    )


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        pytest.param(socket.socket, (), id="a connection"),
        pytest.param(socket.socket, (socket.AF_UNIX,), id="a local socket"),
        pytest.param(os.fork, (), id="a process"),
        pytest.param(os.execv, ("/bin/true", ["true"]), id="a program"),
        pytest.param(os.kill, (os.getpid(), 0), id="a signal"),
        pytest.param(Path.read_bytes, (Path("/etc/passwd"),), id="a file"),
        pytest.param(Path.read_bytes, (Path("/proc/self/environ"),), id="the environment"),
        pytest.param(Path.write_bytes, (Path("/tmp/leukolens-decoder"), b"x"), id="a new file"),
        pytest.param(os.listdir, ("/",), id="a folder"),
    ],
)
def test_a_decoder_child_may_do_nothing_but_compute(
    pool: DecoderPool, call: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    holding = asyncio.run(pool.confinement())
    if holding != {"landlock", "seccomp"}:
        pytest.skip(f"needs Landlock and seccomp, here hold {sorted(holding)}")
    with pytest.raises(PermissionError):
        asyncio.run(pool._run(call, *arguments))


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        pytest.param(os.abort, (), id="crashes"),
        pytest.param(os._exit, (3,), id="leaves"),
        pytest.param(bytearray, (8 * 2**30,), id="wants 8 GB"),
        pytest.param(time.sleep, (60,), id="sleeps", marks=pytest.mark.slow),
        pytest.param(pow, (3, 10**9), id="computes for ever", marks=pytest.mark.slow),
    ],
)
def test_a_child_that_dies_or_hangs_refuses_its_picture_alone(
    pool: DecoderPool, call: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    async def beside_a_good_one() -> tuple[BaseException, str]:
        broken = asyncio.ensure_future(pool._run(call, *arguments))
        good = await pool.read(png_of(1))
        (failure,) = await asyncio.gather(broken, return_exceptions=True)
        return failure, good.format

    failure, format_of_the_good_one = asyncio.run(beside_a_good_one())
    assert isinstance(failure, FileRefused)
    assert failure.code == "image_unreadable"
    assert format_of_the_good_one == "PNG"


def test_a_child_that_somebody_else_killed_does_not_refuse_its_picture(
    pool: DecoderPool, tmp_path: Path
) -> None:
    async def kill_while_it_decodes() -> str:
        pid = await pool._run(os.getpid)
        os.kill(pid, 9)
        return (await pool.read(png_of(2))).format

    assert asyncio.run(kill_while_it_decodes()) == "PNG"


def test_a_client_that_gives_up_ends_no_child() -> None:
    async def give_up_often() -> tuple[int, int]:
        before = await only._run(os.getpid)
        for seed in range(20):
            given_up = asyncio.ensure_future(only.read(png_of(seed)))
            await asyncio.sleep(0.005)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
        return before, await only._run(os.getpid)

    only = DecoderPool(1)  # of two children, either may answer
    try:
        before, after = asyncio.run(give_up_often())
    finally:
        only.close()
    assert before == after, "the child was replaced"
