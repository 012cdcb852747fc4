"""Migrations over ten thousand cases, several at once, and killed half way: the rows are the same afterwards."""

import hashlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from app import schema
from app.database import Base, opened
from tests.performance.case_filler import fill

STEPS = len(list(Path("migrations/versions").glob("0*.py"))) - 1
"""From the newest revision down to the first."""

UPGRADE = (
    "from app import schema; from app.database import open_database; schema.upgrade(open_database({url!r}))"
)
DYING = """
import os, signal, sqlalchemy
changes = 0
@sqlalchemy.event.listens_for(sqlalchemy.Engine, "after_cursor_execute")
def die_half_way(connection, cursor, statement, *rest):
    global changes
    changes += statement.lstrip().upper().startswith(("ALTER", "CREATE", "DROP", "INSERT", "UPDATE"))
    if changes == 20:
        os.kill(os.getpid(), signal.SIGKILL)
"""

CELLS_A_CASE = 5
"""Few: a hundred, as laboratories have, make 10,000 cases 20 GB, and SQLite builds each altered table anew."""

Digests = dict[tuple[str, str], tuple[int, str]]


def digests(url: str) -> Digests:
    """Of every column that the code knows and the tables have now: how many values, and a digest over them."""
    found = {}
    with opened(url) as engine, engine.connect() as connection:
        inspector = sa.inspect(connection)
        for name in sorted(inspector.get_table_names() & Base.metadata.tables.keys()):
            table = Base.metadata.tables[name]
            there = {column["name"] for column in inspector.get_columns(name)}
            columns = [column for column in table.c if column.name in there]
            sums, count = [hashlib.sha256() for _ in columns], 0
            query = sa.select(*columns).order_by(*table.primary_key.columns)
            for row in connection.execution_options(yield_per=1000).execute(query):
                count += 1
                for digest, value in zip(sums, row, strict=True):
                    digest.update(f"{value!r};".encode())
            for column, digest in zip(columns, sums, strict=True):
                found[name, column.name] = (count, digest.hexdigest())
    return found


def start(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    "cases", [pytest.param(120, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.long)]
)
def test_rows_survive_every_revision_down_a_kill_half_way_up_and_four_runners(url: str, cases: int) -> None:
    with opened(url) as engine:
        schema.upgrade(engine)
        fill(engine, cases * CELLS_A_CASE, CELLS_A_CASE)
    stand = digests(url)
    for _ in range(STEPS):
        with opened(url) as engine:
            schema.downgrade(engine, "-1")
        lower = digests(url)
        assert lower.items() <= stand.items()
        stand = lower
    assert stand["cases", "id"][0] == cases
    assert stand["predictions", "heatmap"][0] > cases
    assert start(DYING + UPGRADE.format(url=url)).wait(600) == -signal.SIGKILL
    assert digests(url) == stand
    runners = [start(UPGRADE.format(url=url)) for _ in range(4)]
    assert [(runner.wait(600), runner.stderr and runner.stderr.read()) for runner in runners] == [
        (0, b"")
    ] * 4
    with opened(url) as engine:
        assert schema.is_current(engine)
    assert stand.items() <= digests(url).items()
