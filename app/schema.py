"""Brings a database to the newest revision, one runner at a time."""

import fcntl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import app.accounts.tables
import app.audit.tables
import app.cases.tables
import app.dataset.tables
import app.idempotency.tables
import app.monitoring.tables
import app.outbox.tables
import app.registry.tables
import app.retraining.tables
import app.reviews.tables
import app.sign_off.tables  # noqa: F401 - imported so that the metadata knows every table
from app.database import Base

_LOCK_KEY = 0x1E0C0


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Run what is missing, in one transaction; runners that come meanwhile wait and find nothing to do."""
    with _locked(engine), _transaction(engine) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Go back to a revision."""
    with _locked(engine), _transaction(engine) as connection:
        command.downgrade(_config(connection), revision)


def is_current(engine: sa.Engine) -> bool:
    """Whether the database is at the newest revision and shows the tables the code expects."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        head = ScriptDirectory.from_config(_config(connection)).get_current_head()
        with warnings.catch_warnings():
            # SQLite cannot show an index on an expression; Alembic says so and compares the rest.
            warnings.filterwarnings("ignore", "autogenerate skipping", UserWarning)
            return context.get_current_revision() == head and not compare_metadata(context, Base.metadata)


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = Base.metadata
    return config


@contextmanager
def _transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """All revisions or none.

    SQLite alters a table by building it anew, which its foreign keys forbid once rows point to it: they are off
    meanwhile and checked as a whole before the commit.

    Raises:
        RuntimeError: a revision left rows that point nowhere; nothing was changed.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            yield connection
        return
    with engine.connect() as connection:
        # Inside a transaction SQLite ignores this pragma, so it goes to the driver, which begins none.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if broken:
                    raise RuntimeError(f"Expected every row to point to another, got {broken[:5]}.")
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


@contextmanager
def _locked(engine: sa.Engine) -> Iterator[None]:
    """Alembic has no lock of its own: a file's beside SQLite, an advisory one in PostgreSQL."""
    if engine.dialect.name == "sqlite":
        database = engine.url.database
        if not database or database == ":memory:":
            yield
            return
        Path(database).parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{database}.migration-lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        return
    with engine.connect() as holder:
        holder.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
        try:
            yield
        finally:
            holder.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})
