"""The audit trail: a line an act, sealed to the one before, in the transaction of the act."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from app.audit.acts import Act
from app.audit.chain import digest_of
from app.audit.service import COMMAND_LINE, AuditService
from app.audit.tables import AuditEvent
from app.database import Database
from tests.app.conftest import RunningApp

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
