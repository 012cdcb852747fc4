"""The audit trail: a line an act, sealed to the one before, in the transaction of the act."""

import csv
import io
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.accounts.permissions import Role
from app.audit.acts import Act
from app.audit.chain import digest_of
from app.audit.export import csv_lines, json_lines
from app.audit.heads import HeadFile
from app.audit.repository import TrailFilter
from app.audit.service import COMMAND_LINE, AuditService, Outsider
from app.audit.tables import AuditEvent
from app.audit.trail import TrailService
from app.database import Database, open_database
from tests.app.conftest import RunningApp, start_app

NOW = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)


def test_each_line_is_sealed_to_the_one_before_also_when_many_write_at_once(app: RunningApp) -> None:
    database = Database(app.engine)

    def act(number: int) -> None:
        with database.unit_of_work() as session:
            AuditService(session, NOW).record(COMMAND_LINE, Act.CASE_VIEWED, uuid.uuid4(), page=number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(act, range(40)))
    with database.reading() as session:
        events = session.query(AuditEvent).order_by(AuditEvent.number).all()
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert [event.digest for event in events[:-1]] == [event.previous_digest for event in events[1:]]
    assert [event.digest for event in events] == [digest_of(event) for event in events]
    assert len(events) >= 40


def test_a_line_is_there_when_its_act_is_and_only_then(app: RunningApp) -> None:
    object_id = uuid.uuid4()

    def lines() -> int:
        with app.services.database.reading() as session:
            return len(TrailService(session, None).page(TrailFilter(object_id=str(object_id))).events)

    def act(divisor: int) -> None:
        with app.services.database.unit_of_work() as session:
            AuditService(session, NOW).record(COMMAND_LINE, Act.CASE_VIEWED, object_id)
            assert 1 // divisor

    with pytest.raises(ZeroDivisionError):
        act(0)
    assert lines() == 0
    act(1)
    assert lines() == 1


def test_the_trail_is_read_page_by_page_with_filters_and_by_site(app: RunningApp) -> None:
    here, there = uuid.uuid4(), uuid.uuid4()
    ann, bob = Outsider("Ann", uuid.uuid4(), here), Outsider("Bob", uuid.uuid4(), there)
    case = uuid.uuid4()
    with app.services.database.unit_of_work() as session:
        for minute in range(5):
            trail = AuditService(session, NOW + timedelta(minutes=minute))
            trail.record(ann, Act.CASE_VIEWED, case)
            trail.record(bob, Act.CASE_SIGNED, case)
    with app.services.database.reading() as session:
        trail = TrailService(session, here)
        first = trail.page(limit=3)
        second = trail.page(before=first.next_before, limit=3)
        assert [event.at.minute for event in (*first.events, *second.events)] == [34, 33, 32, 31, 30]
        assert second.next_before is None
        everywhere = TrailService(session, None)
        assert len(everywhere.page(TrailFilter(object_id=str(case))).events) == 10
        assert len(everywhere.page(TrailFilter(Act.CASE_SIGNED, object_id=str(case))).events) == 5
        assert len(trail.page(TrailFilter(actor="an")).events) == 5
        assert len(trail.page(TrailFilter(actor="%")).events) == 0
        window = TrailFilter(since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=3))
        assert len(trail.page(window).events) == 3


def test_an_exported_trail_has_every_line_and_no_formula(app: RunningApp) -> None:
    here = uuid.uuid4()
    with app.services.database.unit_of_work() as session:
        for name in ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", 'Ann, "A"\r\n=1'):
            AuditService(session, NOW).record(Outsider(name, None, here), Act.CASE_VIEWED, uuid.uuid4())
    with app.services.database.reading() as session:
        trail = TrailService(session, here)
        objects = [json.loads(line) for line in json_lines(trail.lines())]
        rows = list(csv.DictReader(io.StringIO("".join(csv_lines(trail.lines())), newline="")))
    assert [each["number"] for each in objects] == [int(row["number"]) for row in rows]
    assert [row["actor"] for row in rows][:2] == ["'=cmd|' /C calc'!A0", "'+1"]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_a_running_server_tells_its_newest_line(tmp_path: Path) -> None:
    for running in start_app(tmp_path):
        running.person(Role.VIEWER)
    told = HeadFile(tmp_path).read()[-1]
    with Database(open_database(f"sqlite:///{tmp_path / 'case_log.sqlite3'}")).reading() as session:
        newest = TrailService(session, None).page(limit=1).events[0]
        assert (told.number, told.digest) == (newest.number, newest.digest)
