"""An insider with the database in hand edits, cuts, reorders or puts back the audit trail: found, and the place named."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app import schema
from app.audit.acts import Act
from app.audit.chain import Break, Head, digest_of
from app.audit.heads import HeadFile, newest_head
from app.audit.service import COMMAND_LINE, AuditService
from app.audit.tables import AuditEvent
from app.audit.trail import TrailService
from app.database import Database, open_database
from app.errors import Conflict

LINES = 100
WRITERS = 10
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Trail:
    """A trail in a database of its own, and the file its heads are told to."""

    def __init__(self, url: str, folder: Path) -> None:
        self.engine = open_database(url)
        schema.upgrade(self.engine)
        self.database = Database(self.engine)
        self.heads = HeadFile(folder)

    def write(self, lines: int) -> None:
        def one(number: int) -> None:
            with self.database.unit_of_work() as session:
                service = AuditService(session, NOW + timedelta(seconds=number))
                service.record(COMMAND_LINE, Act.CASE_VIEWED, uuid.uuid4(), page=number)

        with ThreadPoolExecutor(WRITERS) as threads:
            list(threads.map(one, range(lines)))

    def tell_head(self) -> None:
        head = newest_head(self.database, NOW)
        assert head is not None
        self.heads.append(head)

    def broken(self) -> Break | None:
        heads = self.heads.read()
        with self.database.reading() as session:
            return TrailService(session, None).verify(heads)

    def rows(self) -> list[dict[str, object]]:
        with self.engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(AuditEvent.__table__))]

    def tamper(self, *statements: sa.Executable) -> None:
        """What an insider does who may switch the triggers off; asserts that each statement hit a line."""
        with self.engine.begin() as connection:
            self._without_triggers(connection)
            for statement in statements:
                assert connection.execute(statement).rowcount != 0

    def _without_triggers(self, connection: sa.Connection) -> None:
        if self.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE audit_events DISABLE TRIGGER ALL")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_events_no_update")
            connection.exec_driver_sql("DROP TRIGGER audit_events_no_delete")

    def put_back(self, rows: list[dict[str, object]]) -> None:
        """An older copy in the place of the trail."""
        self.tamper(sa.delete(AuditEvent), sa.insert(AuditEvent).values(rows))


@pytest.fixture
def trail(url: str, tmp_path: Path) -> Iterator[Trail]:
    """A hundred lines by ten writers at once, the last one told."""
    made = Trail(url, tmp_path)
    made.write(LINES)
    made.tell_head()
    assert made.broken() is None
    yield made
    made.engine.dispose()


def line(number: int) -> sa.ColumnElement[bool]:
    return AuditEvent.number == number


def test_an_edited_line_is_named(trail: Trail) -> None:
    trail.tamper(sa.update(AuditEvent).where(line(77)).values(actor="somebody else"))
    found = trail.broken()
    assert found is not None
    assert (found.number, "was changed" in found.why) == (77, True)


def test_an_edited_and_sealed_line_is_found_by_the_one_that_follows(trail: Trail) -> None:
    with trail.database.reading() as session:
        event = session.get_one(AuditEvent, 77)
    event.actor = "somebody else"
    trail.tamper(sa.update(AuditEvent).where(line(77)).values(actor=event.actor, digest=digest_of(event)))
    found = trail.broken()
    assert found is not None
    assert (found.number, "is not the one that followed line 77" in found.why) == (78, True)


def test_a_cut_out_line_is_named(trail: Trail) -> None:
    trail.tamper(sa.delete(AuditEvent).where(line(77)))
    found = trail.broken()
    assert found is not None
    assert (found.number, "is missing" in found.why) == (77, True)


def test_a_cut_end_is_found_by_the_head_that_was_told(trail: Trail) -> None:
    trail.tamper(sa.delete(AuditEvent).where(AuditEvent.number > LINES - 10))
    found = trail.broken()
    assert found is not None
    assert (found.number, "its end was cut" in found.why) == (LINES - 9, True)


def test_two_swapped_lines_are_named(trail: Trail) -> None:
    moves = ((77, 0), (78, 77), (0, 78))
    trail.tamper(*(sa.update(AuditEvent).where(line(old)).values(number=new) for old, new in moves))
    found = trail.broken()
    assert found is not None
    assert found.number == 77


def test_an_older_copy_is_found(trail: Trail) -> None:
    older = trail.rows()
    trail.write(5)
    trail.tell_head()
    trail.put_back(older)
    found = trail.broken()
    assert found is not None
    assert (found.number, "an older copy was put in its place" in found.why) == (LINES + 1, True)


def test_an_older_copy_that_went_on_is_found_at_the_head_that_was_told(trail: Trail) -> None:
    older = trail.rows()
    trail.write(5)
    trail.tell_head()
    trail.put_back(older)
    trail.write(20)
    found = trail.broken()
    assert found is not None
    assert (found.number, "and went on" in found.why) == (LINES + 5, True)


def test_a_trail_written_anew_from_the_first_line_is_found(trail: Trail) -> None:
    trail.tamper(sa.delete(AuditEvent))
    trail.write(LINES)
    found = trail.broken()
    assert found is not None
    assert (found.number, "written anew" in found.why) == (LINES, True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"number"', '"numbre"'),
        lambda text: "\x00" + text,
    ],
    ids=["cut", "renamed", "overwritten"],
)
def test_a_damaged_file_of_heads_is_said_and_not_taken_for_an_empty_one(
    tmp_path: Path, damage: Callable[[str], str]
) -> None:
    heads = HeadFile(tmp_path)
    heads.append(Head(1, "0" * 64, NOW))
    assert heads.read() == [Head(1, "0" * 64, NOW)]
    file = tmp_path / "audit" / "heads.jsonl"
    file.write_text(damage(file.read_text()))
    with pytest.raises(Conflict, match="line 1"):
        heads.read()
