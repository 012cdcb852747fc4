"""Thousands of uploads with retries while server or database are killed at random: nothing lost, nothing twice."""

import os
import random
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases.sweep import Sweep
from app.cases.tables import Cell
from app.clock import utc_now
from app.database import Database, opened
from app.image_store import ImageStore
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import running_server
from tests.faults.uploaders import Sent, pictures, send_all
from tests.postgresql import Postgresql, own_postgresql, postgresql_programs

UPLOADS = [
    pytest.param(60, 2, marks=pytest.mark.slow),
    pytest.param(300, 10, marks=pytest.mark.long),
    pytest.param(4000, 10, marks=pytest.mark.long),
]
"""How many uploads, and the fewest kills among them."""
AFTER_S = 0.3


@pytest.fixture
def postgresql() -> Iterator[Postgresql]:
    programs = postgresql_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL: initdb was not found")
    with own_postgresql(programs) as running:
        yield running


def moments(sent: Sent, done: threading.Event, count: int, least: int) -> Iterator[None]:
    """Times to kill something: after some more uploads and then at any moment, at least `least` before the end."""
    dice, each = random.Random(count), count // (least + 2)
    for stored in range(each, count, each):
        while len(sent.cells) < stored:
            if done.wait(0.01):
                return
        if done.wait(dice.uniform(0, AFTER_S)):
            return
        yield


@pytest.mark.parametrize(("count", "least"), UPLOADS)
def test_kill_9_loses_nothing_and_makes_nothing_twice(tmp_path: Path, count: int, least: int) -> None:
    make_bundle(tmp_path / "models")
    kills = 0

    def kill_and_start(sent: Sent, done: threading.Event) -> None:
        nonlocal kills
        for _ in moments(sent, done, count, least):
            os.killpg(server.pid, signal.SIGKILL)  # the engine and the decoders, too
            server.wait()
            kills += 1
            server.start()

    with running_server(tmp_path, f"{NAME}/0.1.0") as server:
        sent = send_all(server.address, server.key("cases:write"), pictures(count), kill_and_start)
        assert kills >= least
        assert server.stop() in (0, -signal.SIGTERM)
    check(f"sqlite:///{tmp_path}/case_log.sqlite3", tmp_path, sent, count)


@pytest.mark.parametrize(("count", "least"), UPLOADS)
def test_a_database_that_crashes_loses_nothing_and_makes_nothing_twice(
    tmp_path: Path, postgresql: Postgresql, count: int, least: int
) -> None:
    make_bundle(tmp_path / "models")
    crashes = 0

    def crash_and_start(sent: Sent, done: threading.Event) -> None:
        nonlocal crashes
        for _ in moments(sent, done, count, least):
            postgresql.stop(signal.SIGQUIT)
            crashes += 1
            postgresql.start()

    with running_server(tmp_path, f"{NAME}/0.1.0", LEUKOLENS_DATABASE_URL=postgresql.url) as server:
        pid = server.pid
        sent = send_all(server.address, server.key("cases:write"), pictures(count), crash_and_start)
        assert crashes >= least
        assert server.pid == pid
    check(postgresql.url, tmp_path, sent, count)


def check(url: str, data_dir: Path, sent: Sent, count: int) -> None:
    """Hold the case log and the pictures against what the clients were told."""
    assert sent.unexpected == []
    assert len(sent.cells) == count
    images = ImageStore(data_dir / "images")
    with opened(url) as engine:
        Sweep(Database(engine), images, utc_now).run_once(stale_after=timedelta(0))
        with engine.connect() as connection:
            rows = connection.execute(sa.select(Cell.id, Cell.pixels_sha256, Cell.state)).all()
    assert {UUID(cell) for cell in sent.cells.values()} == {row.id for row in rows}
    assert len(rows) == count  # every upload is another picture, so a second cell would show
    assert {row.state for row in rows} == {"scored"}
    kept = {path.stem for path in (data_dir / "images").rglob("*") if path.is_file()}
    assert kept == {row.pixels_sha256 for row in rows}
