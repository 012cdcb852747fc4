"""The case log's engine, sessions and column types."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from app.errors import BadRequest, DatabaseUnavailable, StorageFull

SQLITE_BUSY_TIMEOUT_S = 5
CONNECT_TIMEOUT_S = 2
"""Less is not possible; without it an unreachable host is waited for for minutes."""

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Parent of every table class."""

    metadata = sa.MetaData(naming_convention=_NAMES)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware datetime in UTC; SQLite has no time zones, so they are put back on reading."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(enum: type, name: str) -> sa.Enum:
    """A column type for a string enum: text with a CHECK, the same in SQLite and PostgreSQL."""
    return sa.Enum(
        enum,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


def open_database(url: str) -> Engine:
    """Connect lazily to SQLite or PostgreSQL."""
    if make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(
            url,
            pool_pre_ping=True,
            hide_parameters=True,
            pool_size=8,
            max_overflow=8,
            pool_timeout=2,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
        )
    engine = sa.create_engine(
        url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_S}, hide_parameters=True, pool_size=16
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # WAL with NORMAL may lose the last commits in a power cut; a 201 promises they are on disk.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What is erased is overwritten in the file, not only taken out of its index.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()
        # The driver would open transactions late; `begin` below opens them itself.
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A write that starts as a read cannot wait for the lock, it fails at once: take it up front
        # where the caller says that it writes.
        writes = connection.get_execution_options().get("leukolens_writes", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextlib.contextmanager
def opened(url: str) -> Iterator[Engine]:
    """A database for the length of a block."""
    engine = open_database(url)
    try:
        yield engine
    finally:
        engine.dispose()


class Database:
    """Opens units of work: one session, one transaction, committed at the end or not at all."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._writing = threading.Lock() if engine.dialect.name == "sqlite" else None
        self._sessions = sessionmaker(engine, expire_on_commit=False)
        self._read_sessions = sessionmaker(
            engine.execution_options(leukolens_writes=False), expire_on_commit=False
        )

    @contextlib.contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """A transaction that is durable when the block ends.

        Raises:
            DatabaseUnavailable: the database cannot be reached, or stays locked.
            StorageFull: it has no room left. BadRequest: it cannot hold such a value.
        """
        with translated_errors(), self._turn(), self._sessions.begin() as session:
            yield session

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """SQLite's writers of this process wait here: its own waiting sleeps and lets newcomers overtake."""
        if self._writing is None:
            yield
            return
        if not self._writing.acquire(timeout=SQLITE_BUSY_TIMEOUT_S):
            raise DatabaseUnavailable(
                "The case log is busy; nothing was stored. Send the request again.", retry_after_s=2
            )
        try:
            yield
        finally:
            self._writing.release()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking only; on SQLite it never waits for a writer."""
        with translated_errors(), self._read_sessions() as session:
            yield session


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's failures into the service's own."""
    try:
        yield
    except (OperationalError, DBAPIError, sa.exc.TimeoutError) as failure:
        if isinstance(failure, DataError):
            raise BadRequest("Expected texts without NUL and numbers of 64 bits.") from failure
        # The driver's own words only: the statement beside them carries what users wrote.
        text = str(getattr(failure, "orig", failure)).lower()
        if "is full" in text or "no space" in text:
            raise StorageFull(
                "The case log has no room left; nothing was stored. Free space and send again."
            ) from failure
        if isinstance(failure, OperationalError | sa.exc.TimeoutError) or failure.connection_invalidated:
            raise DatabaseUnavailable(
                "The case log did not answer; nothing was stored. Send the request again.", retry_after_s=2
            ) from failure
        raise
