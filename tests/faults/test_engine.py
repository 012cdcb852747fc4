"""The engine dies, stands still, hangs or runs out of memory under load: every request ends, and a successor comes."""

import os
import re
import resource
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx2
import pytest

from app.inference.worker import BROKEN_AFTER, HANGS_AFTER_S, Calls
from models.bundle import read_bundle
from tests.app.conftest import png_of
from tests.end_to_end.server import Server, alive, wait_for
from tests.faults.injected import hanging_threads, needs_strace
from tests.faults.steady_load import SteadyLoad
from tests.shipped import SHIPPED_FOLDER

DEADLINE_S = 10.0
PATIENCE_S = 3 * DEADLINE_S
"""A crowded machine is late with everything; a request that waits for ever is not what this lets through."""

REPLACED_WITHIN_S = HANGS_AFTER_S + 90
CLIENTS = 4
LARGER = SHIPPED_FOLDER
"""Loading it asks for more than an engine with a model of the tests has to spare."""


def kill(pid: int, _: ExitStack) -> None:
    os.kill(pid, signal.SIGKILL)


def stop(pid: int, _: ExitStack) -> None:
    os.kill(pid, signal.SIGSTOP)


def ask_to_end(pid: int, _: ExitStack) -> None:
    os.kill(pid, signal.SIGTERM)


def hang(pid: int, stack: ExitStack) -> None:
    """What computes stands still, what answers whether it lives does not."""
    stack.enter_context(hanging_threads(pid))


def take_memory(pid: int, _: ExitStack) -> None:
    """Not one page more than it has, and work that needs many."""
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    socket = arguments[arguments.index("--socket") + 1]
    bundle = read_bundle(LARGER)
    mapped = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (mapped, mapped))
    path = f"/v2/models/{bundle.manifest.name}/versions/{bundle.manifest.version}"
    transport = httpx2.HTTPTransport(uds=socket)
    # A request under way may have ended it first; then its successor answers this one.
    with httpx2.Client(transport=transport) as engine, suppress(httpx2.TransportError):
        engine.get(f"http://engine{path}", params={"sha256": bundle.sha256}, timeout=PATIENCE_S)


FAULTS = {
    "killed": kill,
    "stopped": stop,
    "out of memory": take_memory,
    "hung": hang,
    "asked to end": ask_to_end,
}


def fault(name: str, times: int, tier: str) -> object:
    marks = [getattr(pytest.mark, tier), *([needs_strace] if name == "hung" else [])]
    return pytest.param(FAULTS[name], times, marks=marks, id=f"{name}, {times}")


@pytest.mark.parametrize(
    ("strike", "times"),
    [
        *(fault(name, 1, "slow") for name in ("killed", "stopped", "out of memory")),
        *(fault(name, 20, "long") for name in FAULTS),
    ],
)
def test_every_request_ends_and_a_successor_answers(
    server: Server, lab: dict[str, str], strike: Callable[[int, ExitStack], None], times: int
) -> None:
    cold_s = replaced(server, kill)
    loads_s = []
    with SteadyLoad(server, lab, CLIENTS) as load:
        for _ in range(times):
            wait_for_answers(load)  # so that all of the engine's threads are there to be struck
            loads_s.append(replaced(server, strike))
        wait_for_answers(load)
    assert not [answer.body for answer in load.answers if answer.status not in (201, 503)]
    assert all(answer.retry_after for answer in load.answers if answer.status == 503)
    assert max(answer.seconds for answer in load.answers) < PATIENCE_S
    print(f"cold load {cold_s} s, under load {loads_s} s, answers {dict(load.statuses())}")


def wait_for_answers(load: SteadyLoad) -> None:
    before = load.statuses()[201]
    wait_for(lambda: load.statuses()[201] > before + CLIENTS)


def replaced(server: Server, strike: Callable[[int, ExitStack], None]) -> float:
    """Strike the engine, wait until its successor is ready; how long that one took from its start, in seconds."""
    wait_for(lambda: server.client.get("/readyz").status_code == 200)
    before = server.engine_pid
    with ExitStack() as stack:
        strike(before, stack)
        wait_for(lambda: not alive(before), REPLACED_WITHIN_S)
    wait_for(lambda: server.engine_pid != before)
    successor = server.engine_pid
    ready = re.compile(rf'"pid": {successor}, "after_s": ([0-9.]+), "event": "engine_ready"')
    wait_for(lambda: ready.search(server.log))
    found = ready.search(server.log)
    assert found
    return float(found[1])


def test_an_engine_whose_calls_never_end_stops_calling_itself_alive() -> None:
    now = 0.0
    calls = Calls(lambda: now)
    with calls.running():
        now += HANGS_AFTER_S - 1
        assert calls.work()
        with calls.running():
            now += 2
        assert not calls.work()
    assert calls.work()


def test_an_engine_whose_calls_all_break_stops_calling_itself_alive_and_one_that_refuses_does_not() -> None:
    calls = Calls()

    def end_with(error: Exception) -> None:
        with pytest.raises(type(error)), calls.running():
            raise error

    for _ in range(BROKEN_AFTER):
        end_with(FloatingPointError())
    for _ in range(BROKEN_AFTER - 1):
        end_with(RuntimeError("ncnn gave status -100"))
    assert calls.work()
    end_with(RuntimeError("can't start new thread"))
    assert not calls.work()
    with calls.running():
        pass
    assert calls.work()


@pytest.mark.slow
def test_an_engine_that_never_comes_up_is_said_and_tried_ever_more_slowly(
    server: Server, lab: dict[str, str]
) -> None:
    hidden = server.data_dir / "models.hidden"
    (server.data_dir / "models").rename(hidden)
    try:
        begun = server.log.count("engine_starts_again")
        os.kill(server.engine_pid, signal.SIGKILL)
        wait_for(lambda: server.log.count("engine_starts_again") >= begun + 3)
        pauses_s = [float(found) for found in re.findall(r'"in_s": ([0-9.]+)', server.log)][begun:]
        assert server.client.get("/readyz").status_code == 503
        assert server.client.get("/livez").status_code == 200
        answer = server.client.post("/api/v1/predictions", headers=lab, files={"image": ("c.png", png_of(1))})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
    finally:
        hidden.rename(server.data_dir / "models")
    assert pauses_s[1:] == [2 * pause_s for pause_s in pauses_s[:-1]]
    wait_for(lambda: server.client.get("/readyz").status_code == 200)
