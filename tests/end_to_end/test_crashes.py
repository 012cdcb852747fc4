"""What is kept when a process dies: `kill -9` of the web process and of the engine, and a hung engine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.app.conftest import png_of
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import Server, alive, running_server

DEADLINE_S = 10.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    make_bundle(tmp_path / "models")
    with running_server(tmp_path, f"{NAME}/0.1.0") as running:
        yield running


def predict(server: Server, headers: dict[str, str], seed: int) -> httpx2.Response:
    files = {"image": ("cell.png", png_of(seed))}
    return server.client.post("/api/v1/predictions", headers=headers, files=files)


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


@pytest.mark.slow
def test_case_and_image_survive_a_kill_right_after_the_201(server: Server) -> None:
    headers = server.key("cases:read", "cases:write")
    answer = predict(server, headers, 1)
    engine = server.engine_pid
    server.kill()
    assert answer.status_code == 201
    wait_until_gone(engine)  # an orphan would hold its memory for ever
    server.start()
    made = answer.json()
    case = server.client.get(f"/api/v1/cases/{made['case_id']}", headers=headers).json()
    assert [cell["id"] for cell in case["contents"]] == [made["cell_id"]]
    assert case["contents"][0]["prediction"]["probabilities"] == made["probabilities"]
    picture = server.client.get(f"/api/v1/cells/{made['cell_id']}/image.png", headers=headers)
    assert picture.content == png_of(1)


@pytest.mark.slow
def test_the_next_request_after_a_killed_engine_is_answered_by_its_successor(server: Server) -> None:
    headers = server.key("cases:write")
    before = predict(server, headers, 1).json()
    killed = server.engine_pid
    os.kill(killed, signal.SIGKILL)
    started = time.monotonic()
    answer = predict(server, headers, 1)
    assert answer.status_code == 201, answer.text
    assert time.monotonic() - started < DEADLINE_S
    assert answer.json()["probabilities"] == before["probabilities"]
    wait_until_gone(killed)
    assert server.engine_pid != killed


@pytest.mark.slow
def test_a_stored_cell_that_lost_its_server_is_scored_by_the_next_one(server: Server) -> None:
    headers = server.key("cases:read", "cases:write")
    case_id = server.client.post("/api/v1/cases", headers=headers, json={}).json()["id"]
    os.kill(server.engine_pid, signal.SIGSTOP)  # nothing can be scored from here on
    files = [("images", (f"{seed}.png", png_of(seed))) for seed in range(3)]
    taken = server.client.post(f"/api/v1/cases/{case_id}/cells", headers=headers, files=files)
    assert taken.status_code == 202
    os.killpg(server.pid, signal.SIGKILL)
    server._process.wait(10)  # type: ignore[union-attr]
    server.start()
    deadline = time.monotonic() + 90  # the lease of 60 s must end first
    while True:
        case = server.client.get(f"/api/v1/cases/{case_id}", headers=headers).json()
        if case["scored"] == 3:
            break
        assert time.monotonic() < deadline, case
        time.sleep(0.5)


@pytest.mark.slow
def test_sigterm_ends_the_server_and_its_engine(server: Server) -> None:
    engine = server.engine_pid
    assert server.stop() in (0, -signal.SIGTERM)
    wait_until_gone(engine)


def under_parent(folder: Path) -> list[str]:
    return [sys.executable, "-m", "app.cli", "worker", "--socket", str(folder / "s"), "--under-parent"]


@pytest.mark.slow
def test_an_engine_whose_parent_dies_before_it_names_a_model_ends(tmp_path: Path) -> None:
    subprocess.run(under_parent(tmp_path), stdin=subprocess.DEVNULL, timeout=60, check=True)
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_an_engine_that_cannot_load_its_first_model_says_so_and_ends(tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(under_parent(tmp_path), text=True, **pipes) as engine:  # type: ignore[call-overload]
        engine.stdin.write(f"missing/0.1.0@{'0' * 64}\n")
        engine.stdin.flush()
        assert engine.wait(60) == 3
        assert "ModelMissing" in engine.stderr.read()
