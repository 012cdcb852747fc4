"""Real faults for a running server: failing system calls, a small disk, no free descriptors, a lock that stays."""

import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.server import Server

HANG_S = 600
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


@contextmanager
def traced(pid: int, log: Path, *options: str) -> Iterator[None]:
    """strace on a running process and its threads, from when it is attached until the block ends."""
    command = ["strace", "-f", "-y", "-s", "48", "-o", log, *options, "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        _wait_until_attached(strace)
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(30)


@contextmanager
def failing(pid: int, log: Path, calls: str, error: str) -> Iterator[None]:
    """Let system calls of a running process fail. calls: as strace names them, with commas."""
    with traced(pid, log, "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"):
        yield


@contextmanager
def hanging_threads(pid: int) -> Iterator[None]:
    """Every thread of a process but its first stands still at its next system call, for longer than any test waits.

    The block must end once the process is dead: until then it cannot be reaped.
    """
    threads = [path.name for path in Path(f"/proc/{pid}/task").iterdir() if path.name != str(pid)]
    chosen = [part for thread in threads for part in ("-p", thread)]
    command = ["strace", "-o", "/dev/null", "-e", f"inject=all:delay_exit={HANG_S}s", *chosen]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        _wait_until_attached(strace)
        try:
            yield
        finally:
            strace.kill()


def _wait_until_attached(strace: "subprocess.Popen[str]") -> None:
    assert strace.stderr is not None
    said = strace.stderr.readline()
    if "attached" not in said:
        strace.kill()
        pytest.skip(f"needs strace that may attach: {said.strip()}")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of its own, as small as wanted, mounted at `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs"]
    mounted = subprocess.run(["mount", *options, folder], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def few_descriptors(server: Server, spare: int) -> Iterator[None]:
    """Let the web process open no more than `spare` files and connections beyond those it has."""
    highest = max(int(path.name) for path in Path(f"/proc/{server.pid}/fd").iterdir())
    usual = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (highest + 1 + spare, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, usual)


@contextmanager
def write_lock(database: Path) -> Iterator[None]:
    """Another process's connection that holds SQLite's one write lock."""
    holder = sqlite3.connect(database, isolation_level=None, timeout=30)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()
