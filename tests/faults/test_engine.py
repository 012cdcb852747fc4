"""The engine dies, stands still or runs out of memory under load: every request ends, and a successor comes."""

import os
import resource
import signal
import threading
import time
from pathlib import Path

import httpx2
import pytest

from app.inference.worker import HANGS_AFTER_S, Calls
from tests.app.conftest import png_of
from tests.end_to_end.server import Server, wait_for

DEADLINE_S = 10.0
PATIENCE_S = 3 * DEADLINE_S
"""A crowded machine is late with everything; a request that waits for ever is not what this lets through."""

CLIENTS = 4
FAULTS = [
    "killed",
    *(pytest.param(fault, marks=pytest.mark.long) for fault in ("stopped", "out of memory", "asked to end")),
]


class Load:
    """Clients that upload without a pause, and what they were answered."""

    def __init__(self, server: Server, headers: dict[str, str]) -> None:
        self._url, self._headers = f"{server.address}/api/v1/predictions", headers
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(CLIENTS)]
        self.answers: list[tuple[int, str | None, float]] = []

    def _send(self, number: int) -> None:
        with httpx2.Client(headers=self._headers, timeout=120) as http:
            while not self._end.is_set():
                begun = time.monotonic()
                answer = http.post(self._url, files={"image": ("c.png", png_of(number))})
                self.answers.append(
                    (answer.status_code, answer.headers.get("retry-after"), time.monotonic() - begun)
                )

    def predicted(self) -> int:
        return sum(status == 201 for status, *_ in self.answers)

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


def strike(pid: int, fault: str) -> None:
    """Let something happen to the engine."""
    if fault == "out of memory":
        mapped = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
        resource.prlimit(pid, resource.RLIMIT_AS, (mapped, mapped))
        return
    signals = {"killed": signal.SIGKILL, "stopped": signal.SIGSTOP, "asked to end": signal.SIGTERM}
    os.kill(pid, signals[fault])


@pytest.mark.parametrize(
    "times", [pytest.param(1, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_request_ends_and_a_successor_answers(
    server: Server, lab: dict[str, str], fault: str, times: int
) -> None:
    with Load(server, lab) as load:
        for _ in range(times):
            wait_for(lambda: server.client.get("/readyz").status_code == 200)
            engine = server.engine_pid
            strike(engine, fault)
            wait_for(lambda before=engine: server.engine_pid != before)  # type: ignore[misc]
            answered = load.predicted()
            wait_for(lambda before=answered: load.predicted() > before + CLIENTS)  # type: ignore[misc]
    assert {status for status, *_ in load.answers} <= {201, 503}
    assert all(retry_after for status, retry_after, _ in load.answers if status == 503)
    assert max(seconds for *_, seconds in load.answers) < PATIENCE_S


def test_an_engine_whose_calls_never_end_stops_calling_itself_alive() -> None:
    now = 0.0
    calls = Calls(lambda: now)
    with calls.running():
        now += HANGS_AFTER_S - 1
        assert not calls.hang()
        with calls.running():
            now += 2
        assert calls.hang()
    assert not calls.hang()


@pytest.mark.long
def test_an_engine_that_never_comes_up_is_tried_ever_more_slowly(server: Server) -> None:
    hidden = server.data_dir / "models.hidden"
    (server.data_dir / "models").rename(hidden)
    try:
        starts = server.log.count("engine_started")
        os.kill(server.engine_pid, signal.SIGKILL)
        wait_for(lambda: server.log.count("engine_started") >= starts + 2)
        assert server.client.get("/readyz").status_code == 503
        assert server.client.get("/livez").status_code == 200
    finally:
        hidden.rename(server.data_dir / "models")
    wait_for(lambda: server.client.get("/readyz").status_code == 200)
