"""Every row of one database into another one of the same revision, SQLite or PostgreSQL."""

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from app import schema
from app.database import Base, opened

ROWS_A_STATEMENT = 500


def snapshot(engine: sa.Engine, target: Path) -> None:
    """Write all tables, as they are at one moment, to a new SQLite file. Nobody who writes has to wait."""
    if engine.dialect.name == "sqlite":
        with closing(
            sqlite3.connect(str(engine.url.database), isolation_level=None, timeout=30)
        ) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
        return
    one_moment = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with opened(f"sqlite:///{target.absolute()}") as copy:
        schema.upgrade(copy)
        with one_moment.connect() as source, copy.begin() as connection:
            copy_rows(source, connection)


def close_sqlite(path: Path) -> None:
    """Leave one file that is whole without the journal beside it. Nobody else may have it open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    Path(f"{path}.migration-lock").unlink(missing_ok=True)


def copy_rows(source: sa.Connection, target: sa.Connection) -> None:
    """Copy every table the code knows, those first that others refer to."""
    for table in Base.metadata.sorted_tables:
        # Ids are in order of time: a row that refers to another one of its table comes after it.
        query = sa.select(table).order_by(*table.primary_key.columns)
        result = source.execution_options(yield_per=ROWS_A_STATEMENT).execute(query)
        for rows in result.mappings().partitions():
            target.execute(sa.insert(table), [dict(row) for row in rows])
        _continue_numbering(target, table)


def _continue_numbering(target: sa.Connection, table: sa.Table) -> None:
    """PostgreSQL counts on where its own inserts stopped, and these rows brought their numbers along."""
    column = table.autoincrement_column
    if target.dialect.name != "postgresql" or column is None:
        return
    sequence = target.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))
    if sequence is not None:
        highest = target.scalar(sa.select(sa.func.max(column)))
        target.execute(sa.select(sa.func.setval(sequence, highest or 1, highest is not None)))
