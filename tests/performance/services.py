"""The services under the benchmark: started from nothing, timed to their first answer, ended for sure."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from tests.end_to_end.server import free_port
from tests.performance.load import MULTIPART, multipart

START_LIMIT_S = 180.0
ASK_EVERY_S = 0.02


@dataclass(frozen=True)
class Service:
    """How to start a service. arguments: after `python -m`; `{port}` is filled in. path: where images are posted."""

    name: str
    arguments: tuple[str, ...]
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A service that has answered once. first_answer_s: from the start of its process to that answer."""

    service: Service
    pid: int
    port: int
    first_answer_s: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.service.path}"

    def ask(self, image: Path) -> dict[str, object]:
        """One request; its answer."""
        headers = {**self.service.headers, "content-type": MULTIPART}
        response = httpx2.post(self.url, content=multipart(image.read_bytes()), headers=headers, timeout=60)
        response.raise_for_status()
        found: dict[str, object] = response.json()
        return found


def leukolens(
    data_dir: Path, model: str, *, module: str = "app.cli", name: str = "Leukolens", **settings: str
) -> Service:
    """`leukolens serve` on a migrated case log with a key of its own.

    Args:
        data_dir: used again by every round, as a restarted server would.
        model: bundle that seeds the registry.
        module: `app.cli`, or a stand-in that takes the same `serve --port`.
        settings: further environment.
    """
    environment = {"LEUKOLENS_DATA_DIR": str(data_dir), "LEUKOLENS_MODEL": model, **settings}
    create = [sys.executable, "-m", "app.cli", "keys", "create", "--name", "bench", "--json"]
    made = subprocess.run(
        [*create, "--scope", "cases:write", "--scope", "cases:read"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    headers = {"Authorization": f"Bearer {json.loads(made.stdout)['key']}"}
    arguments = (module, "serve", "--port", "{port}")
    return Service(name, arguments, "/api/v1/predictions", headers, environment)


def keras_peer(weights: Path, style: str) -> Service:
    """One of the peers, see `tests.performance.keras_peer`."""
    arguments = (
        "tests.performance.keras_peer",
        "--port",
        "{port}",
        "--weights",
        str(weights),
        "--style",
        style,
    )
    named = {"predict": "FastAPI + model.predict", "batched": "FastAPI + micro-batched tf.function"}
    return Service(named[style], arguments, "/predict", environment={"TF_CPP_MIN_LOG_LEVEL": "2"})


@contextmanager
def running(service: Service, first_image: Path, log: Path) -> Iterator[Running]:
    """Start a service and wait for its first answer; it is gone afterwards.

    Raises:
        RuntimeError: it ended or did not answer; the text is the end of its log.
    """
    port = free_port()
    arguments = [argument.format(port=port) for argument in service.arguments]
    body = multipart(first_image.read_bytes())
    begin = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=_environment(log.parent) | service.environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_for_answer(process, f"http://127.0.0.1:{port}{service.path}", service.headers, body, log)
        yield Running(service, process.pid, port, time.perf_counter() - begin)
    finally:
        _end(process)


def _environment(folder: Path) -> dict[str, str]:
    """This process's own, with a place for compiled Python: the image has it compiled, and so has any second start."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def _wait_for_answer(
    process: "subprocess.Popen[bytes]", url: str, headers: dict[str, str], body: bytes, log: Path
) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    with httpx2.Client(headers={**headers, "content-type": MULTIPART}, timeout=START_LIMIT_S) as http:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if http.post(url, content=body).status_code in (200, 201):
                    return
            except httpx2.TransportError:
                pass
            time.sleep(ASK_EVERY_S)
    raise RuntimeError(f"Expected an answer from {url}:\n{log.read_text(errors='replace')[-2000:]}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
