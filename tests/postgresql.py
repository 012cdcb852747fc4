"""A real PostgreSQL, started for one test process or one benchmark."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa


def postgresql_programs() -> Path | None:
    """Folder of `initdb` and `postgres`, None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


class Postgresql:
    """A server over a new, empty data folder. url: reaches it through a socket in the same folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        # initdb refuses root, so the server runs as somebody who owns nothing else.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", "tests", "--auth=trust", "-E", "UTF8"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=self._user,
            cwd=folder,
        )
        self.url = f"postgresql+psycopg://tests@/postgres?host={folder}"

    def start(self) -> None:
        """Start and wait until it answers; after a crash that is when it has recovered."""
        self._process = subprocess.Popen(
            [
                self._programs / "postgres",
                *("-D", self._folder / "data"),
                *("-k", self._folder),
                *("-c", "listen_addresses="),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=self._user,
            cwd=self._folder,
        )
        asked = [self._programs / "pg_isready", "-h", self._folder, "-q"]
        for _ in range(300):
            if subprocess.run(asked, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise TimeoutError("PostgreSQL did not answer within 30 s.")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT does not wait for clients that forgot to leave, SIGQUIT is `-m immediate`, a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)


@contextmanager
def own_postgresql(programs: Path) -> Iterator[Postgresql]:
    """A started server that the caller may stop and start; it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="leukolens-pg-"))
    server = Postgresql(programs, folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgresql(programs: Path) -> Iterator[str]:
    """The URL of a new, empty server that is gone afterwards."""
    with own_postgresql(programs) as server:
        yield server.url


@contextmanager
def new_database(url: str) -> Iterator[str]:
    """The URL of an empty database on the server at `url`; it is gone afterwards."""
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"test_{uuid.uuid4().hex}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield admin.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        admin.dispose()
