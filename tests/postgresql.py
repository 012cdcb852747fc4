"""A real PostgreSQL, started for one test process or one benchmark."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def postgresql_programs() -> Path | None:
    """Folder of `initdb` and `postgres`, None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@contextmanager
def running_postgresql(programs: Path) -> Iterator[str]:
    """The URL of a new, empty server that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="leukolens-pg-"))
    # initdb refuses root, so the server runs as somebody who owns nothing else.
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "tests", "--auth=trust", "-E", "UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    try:
        for _ in range(300):
            if subprocess.run([programs / "pg_isready", "-h", folder, "-q"], check=False).returncode == 0:
                break
            time.sleep(0.1)
        yield f"postgresql+psycopg://tests@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGINT)  # does not wait for clients that forgot to leave
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
