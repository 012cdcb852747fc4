"""A real server in a process of its own, started and killed by the tests."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2

START_LIMIT_S = 150.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(holds: Callable[[], object], limit_s: float = 60.0) -> None:
    """Wait until something is true; a crowded machine takes its time."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"still not true after {limit_s:g} s"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends between opening and reading
        return False


class Server:
    """`leukolens serve` on a free port. Kept data lies in `data_dir`, the log in `data_dir/server.log`.

    under: a command that runs it, `strace` for instance.
    """

    def __init__(self, data_dir: Path, model: str, *, under: Sequence[str] = (), **environment: str) -> None:
        self._under = under
        self.data_dir = data_dir
        self.port = free_port()
        self.address = f"http://localhost:{self.port}"
        self._environment = os.environ | {
            "LEUKOLENS_DATA_DIR": str(data_dir),
            "LEUKOLENS_MODEL": model,
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx2.Client(base_url=self.address, timeout=30)

    @property
    def log(self) -> str:
        return (self.data_dir / "server.log").read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def engine_pid(self) -> int:
        """Process id of the newest engine, from the log."""
        return int(re.findall(r'"pid": (\d+), "event": "engine_started"', self.log)[-1])

    @property
    def setup_link(self) -> str:
        found = re.search(r"http://\S+/setup/\S+", self.log)
        assert found, self.log
        return found[0]

    def start(self) -> None:
        """Start and wait until it is ready."""
        with (self.data_dir / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._under, sys.executable, "-m", "app.cli", "serve", "--port", str(self.port)],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log
            try:
                if self.client.get("/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready within {START_LIMIT_S} s: {self.log}")

    def kill(self) -> None:
        """SIGKILL the web process alone; its children must notice by themselves."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> int:
        """SIGTERM, as a service manager does; the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end of a server that was asked to end; the exit status."""
        assert self._process is not None
        return self._process.wait(30)

    def rows(self, table: str) -> int:
        """How many rows a table of the SQLite case log has."""
        with closing(sqlite3.connect(self.data_dir / "case_log.sqlite3", timeout=30)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run a `leukolens` command on the same data; its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def key(self, *scopes: str) -> dict[str, str]:
        """Headers of a new key."""
        options = [part for scope in scopes for part in ("--scope", scope)]
        made = json.loads(self.run("keys", "create", "--name", "test", "--json", *options))
        return {"Authorization": f"Bearer {made['key']}"}

    @contextmanager
    def admin(self) -> Iterator[httpx2.Client]:
        """A browser in which a new admin is signed in."""
        account = {"email": f"{uuid.uuid4().hex}@lab.example", "password": uuid.uuid4().hex}
        options = ("--name", "An admin", "--role", "admin", "--password-stdin")
        self.run("users", "add", account["email"], *options, stdin=account["password"])
        with httpx2.Client(base_url=self.address, timeout=120) as browser:
            assert browser.post("/login", data=account).status_code == 303
            yield browser


@contextmanager
def running_server(
    data_dir: Path, model: str, *, under: Sequence[str] = (), **environment: str
) -> Iterator[Server]:
    """A started server that is gone afterwards, whatever happened to it."""
    server = Server(data_dir, model, under=under, **environment)
    server.start()
    try:
        yield server
    finally:
        server.client.close()
        if server._process is not None and server._process.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server._process.wait(10)
