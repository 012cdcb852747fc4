"""Migrations: up, down and up again with rows in the tables, one runner at a time, no drift, both databases."""

import subprocess
import sys
import uuid
from pathlib import Path

import sqlalchemy as sa

from app import schema
from app.accounts.permissions import Role
from app.accounts.service import AccountService
from app.cases.tables import Case, CaseState, Cell, CellState
from app.clock import utc_now
from app.database import Database, open_database
from app.reviews.tables import Reading, Review, Verdict


def test_the_newest_revision_has_exactly_the_tables_of_the_code(url: str) -> None:
    engine = open_database(url)
    assert not schema.is_current(engine)
    schema.upgrade(engine)
    assert schema.is_current(engine)


def test_every_revision_goes_down_and_up_again_with_rows_in_the_tables(url: str) -> None:
    engine = open_database(url)
    schema.upgrade(engine)
    with Database(engine).unit_of_work() as session:
        user = AccountService(session, b"secret", utc_now()).add_user(
            "a@b.example", "A", "long enough password", Role.ADMIN
        )
        case_id, cell_id = uuid.uuid4(), uuid.uuid4()
        session.add(
            Case(
                id=case_id,
                site_id=user.site_id,
                state=CaseState.SIGNED,
                drawn=False,
                version=1,
                created_at=utc_now(),
                created_by=user.id,
            )
        )
        session.flush()
        session.add(
            Cell(
                id=cell_id,
                case_id=case_id,
                position=1,
                state=CellState.SCORED,
                image_sha256="0" * 64,
                created_at=utc_now(),
            )
        )
        session.flush()
        for reading in Reading:
            session.add(
                Review(
                    id=uuid.uuid4(),
                    cell_id=cell_id,
                    reading=reading,
                    number=1,
                    verdict=Verdict.UNCERTAIN,
                    note="",
                    author_id=user.id,
                    author_name=user.name,
                    created_at=utc_now(),
                )
            )
    schema.downgrade(engine, "base")
    assert set(sa.inspect(engine).get_table_names()) <= {"alembic_version"}
    schema.upgrade(engine)
    assert schema.is_current(engine)


def test_four_runners_at_once_all_succeed_and_migrate_once(url: str) -> None:
    code = f"from app import schema; from app.database import open_database; schema.upgrade(open_database({url!r}))"
    runners = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    assert [(runner.wait(60), runner.stderr.read()) for runner in runners] == [(0, b"")] * 4
    assert schema.is_current(open_database(url))


def test_sqlite_keeps_its_promises(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'log.sqlite3'}").connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
