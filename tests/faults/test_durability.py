"""A 201 or 202 means stored: what is on the disk, in which order, and what is cleared away afterwards."""

import itertools
import os
import re
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from app.accounts.permissions import Scope
from app.cases.sweep import STALE_AFTER, Sweep, Swept
from app.clock import utc_now
from tests.app.conftest import RunningApp, png_of
from tests.end_to_end.server import Server, wait_for
from tests.faults.injected import needs_strace, traced

CALLS = "fsync,fdatasync,rename,renameat,renameat2,pwrite64,write,sendto,sendmsg"
IN_FLIGHT = 20


def order_of_calls(log: Path) -> list[str]:
    """What a trace says of one upload, in order; the same thing twice in a row is once."""
    found: list[str] = []
    for line in log.read_text().splitlines():
        if re.search(r"fsync\(.*/\.[0-9a-f]+\.png\.\w+\.part", line):
            found.append("temporary synced")
        elif re.search(r"rename\w*\(.*\.part.*\.png", line):
            found.append("renamed")
        elif re.search(r"fsync\(.*/images(/[0-9a-f]{2}){0,2}>", line):
            found.append("folder synced")
        elif re.search(r"pwrite64\(.*case_log\.sqlite3-wal", line):
            found.append("journal written")
        elif re.search(r"f(data)?sync\(.*case_log\.sqlite3-wal", line):
            found.append("journal synced")
        elif re.search(r"HTTP/1\.1 20[12]", line):
            found.append("answered")
    return [call for call, _ in itertools.groupby(found)]


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize(("route", "seed"), [("predictions", 1), ("cells", 2)])
def test_everything_is_synced_in_order_before_the_answer_leaves(
    server: Server, tmp_path: Path, route: str, seed: int
) -> None:
    headers = server.key("cases:read", "cases:write")
    case = server.client.post("/api/v1/cases", headers=headers, json={}).json()["id"]
    path, field = {"predictions": ("predictions", "image"), "cells": (f"cases/{case}/cells", "images")}[route]
    with traced(server.pid, tmp_path / "calls", "-e", f"trace={CALLS}"):
        answer = server.client.post(
            f"/api/v1/{path}", headers=headers, files={field: ("cell.png", png_of(seed))}
        )
    assert answer.status_code in (201, 202), answer.text
    calls = order_of_calls(tmp_path / "calls")
    assert calls.count("answered") == 1
    before = calls[: calls.index("answered")]
    # The row of the cell comes after its picture, and nothing that was written is still unsynced.
    picture = before.index("temporary synced")
    assert before[picture : picture + 5] == [
        "temporary synced",
        "renamed",
        "folder synced",
        "journal written",
        "journal synced",
    ]
    assert before[-1] == "journal synced"


def old(path: Path) -> Path:
    """The file as if it had been written two hours ago."""
    moment = time.time() - 7200
    os.utime(path, (moment, moment))
    return path


def test_the_sweep_takes_what_died_and_spares_what_runs_and_what_has_a_row(own_app: RunningApp) -> None:
    services, folder = own_app.services, own_app.settings.image_dir
    kept = own_app.client.post(
        "/api/v1/predictions", headers=own_app.key(Scope.CASES_WRITE), files={"image": ("c.png", png_of(1))}
    )
    assert kept.status_code == 201
    with_a_row = own_app.stored_files()
    for digest in ("aa" * 32, "bb" * 32):
        services.images.put(digest, b"a picture whose upload died before its row")
    died, running = folder / "aa/.a.png.00.part", folder / "aa/.b.png.00.part"
    for part in (died, running):
        part.write_bytes(b"half a picture")
    for path in (*with_a_row, died, folder / "aa/aa" / f"{'aa' * 32}.png"):
        old(path)

    swept = Sweep(services.database, services.images, utc_now).run_once()

    assert swept == Swept(parts=1, pictures=1)
    assert own_app.stored_files() == with_a_row | {running, folder / "bb/bb" / f"{'bb' * 32}.png"}


def test_a_stale_picture_that_an_upload_counts_on_again_is_spared(own_app: RunningApp) -> None:
    images, digest = own_app.services.images, "ab" * 32
    images.put(digest, b"png")
    (stale,) = (old(path) for path in own_app.stored_files())
    sweep = Sweep(own_app.services.database, images, utc_now)
    images.put(digest, b"png")  # the upload's row is not there yet
    assert sweep.run_once() == Swept(parts=0, pictures=0)
    assert not images.discard(digest, utc_now() - STALE_AFTER)
    assert stale.read_bytes() == b"png"


def test_a_sweep_that_died_between_its_two_steps_loses_nothing(own_app: RunningApp) -> None:
    images, digest = own_app.services.images, "ab" * 32
    images.put(digest, b"png")
    (path,) = own_app.stored_files()
    path.rename(path.with_suffix(".aside"))
    Sweep(own_app.services.database, images, utc_now).run_once()
    assert images.read(digest) == b"png"


@pytest.mark.slow
def test_sigterm_is_told_first_and_every_request_inside_is_answered(server: Server) -> None:
    headers = server.key("cases:write")

    def predict(seed: int) -> int:
        files = {"image": ("cell.png", png_of(seed))}
        return httpx2.post(
            f"{server.address}/api/v1/predictions", headers=headers, files=files, timeout=40
        ).status_code

    before = server.rows("cells")
    os.kill(server.engine_pid, signal.SIGSTOP)  # so that they are still inside when the signal comes
    with ThreadPoolExecutor(IN_FLIGHT) as clients:
        inside = [clients.submit(predict, seed) for seed in range(10, 10 + IN_FLIGHT)]
        wait_for(lambda: server.rows("cells") >= before + 3)  # the door lets in as many as it can answer
        begun = time.monotonic()
        os.kill(server.pid, signal.SIGTERM)
        wait_for(lambda: server.client.get("/readyz").json() == {"ready": False, "draining": True})
        os.kill(server.engine_pid, signal.SIGCONT)
        answers = Counter(answer.result() for answer in inside)
    assert set(answers) <= {201, 503}
    assert answers[201] == server.rows("cells") - before >= 3
    assert server.wait() in (0, -signal.SIGTERM)
    assert time.monotonic() - begun < 30
