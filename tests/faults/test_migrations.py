"""Migrations over ten thousand cases, several at once, and killed half way: the rows are the same afterwards."""

import hashlib
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from app import schema
from app.database import Base, opened
from tests.performance.case_filler import fill

EARLIER = "0006"
"""Everything the filler writes is there since this revision."""

UPGRADE = (
    "from app import schema; from app.database import open_database; schema.upgrade(open_database({url!r}))"
)
DYING = """
import os, signal, sqlalchemy
changes = 0
@sqlalchemy.event.listens_for(sqlalchemy.Engine, "after_cursor_execute")
def die_at_the_third_change(connection, cursor, statement, *rest):
    global changes
    changes += statement.lstrip().upper().startswith(("ALTER", "CREATE", "DROP", "INSERT", "UPDATE"))
    if changes == 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""

CELLS_A_CASE = 5
"""Few: a hundred, as laboratories have, make 10,000 cases 20 GB, and SQLite builds each altered table anew."""

Columns = dict[str, list[str]]


def columns_of(url: str) -> Columns:
    """What the tables have now."""
    with opened(url) as engine:
        inspector = sa.inspect(engine)
        return {
            name: sorted(column["name"] for column in inspector.get_columns(name))
            for name in inspector.get_table_names()
            if name in Base.metadata.tables
        }


def checksums(url: str, columns: Columns) -> dict[str, tuple[int, str]]:
    """Of every table: how many rows, and a digest over the values of some columns."""
    found = {}
    with opened(url) as engine, engine.connect() as connection:
        for name, wanted in columns.items():
            table = Base.metadata.tables[name]
            digest, count = hashlib.sha256(), 0
            query = sa.select(*(table.c[column] for column in wanted if column in table.c))
            query = query.order_by(*table.primary_key.columns)
            for row in connection.execution_options(yield_per=1000).execute(query):
                digest.update(repr(tuple(row)).encode())
                count += 1
            found[name] = (count, digest.hexdigest())
    return found


def start(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    "cases", [pytest.param(20, marks=pytest.mark.slow), pytest.param(10_000, marks=pytest.mark.long)]
)
def test_rows_survive_the_way_down_a_kill_half_way_up_and_four_runners(url: str, cases: int) -> None:
    with opened(url) as engine:
        schema.upgrade(engine)
        fill(engine, cases * CELLS_A_CASE, CELLS_A_CASE)
        schema.downgrade(engine, EARLIER)
        assert not schema.is_current(engine)
    columns = columns_of(url)
    before = checksums(url, columns)
    assert before["cases"][0] == cases
    assert start(DYING + UPGRADE.format(url=url)).wait(600) == -signal.SIGKILL
    assert columns_of(url) == columns
    runners = [start(UPGRADE.format(url=url)) for _ in range(4)]
    assert [(runner.wait(600), runner.stderr and runner.stderr.read()) for runner in runners] == [
        (0, b"")
    ] * 4
    with opened(url) as engine:
        assert schema.is_current(engine)
    assert checksums(url, columns) == before
