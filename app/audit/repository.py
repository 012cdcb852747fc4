"""All SQL about the audit trail."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.tables import AuditEvent

_APPEND_LOCK = 0x1E0C1


class AuditRepository:
    """Reads and extends the trail in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock_end(self) -> AuditEvent | None:
        """The newest line; nobody else appends until this transaction ends.

        SQLite has one writer anyway. PostgreSQL would let two read the same end: they wait here.
        """
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(sa.select(sa.func.pg_advisory_xact_lock(_APPEND_LOCK)))
        return self.newest()

    def newest(self) -> AuditEvent | None:
        return self._session.scalar(sa.select(AuditEvent).order_by(AuditEvent.number.desc()).limit(1))

    def add(self, event: AuditEvent) -> None:
        self._session.add(event)
        self._session.flush()
