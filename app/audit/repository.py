"""All SQL about the audit trail."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.audit.acts import Act
from app.audit.tables import AuditEvent

_APPEND_LOCK = 0x1E0C1


@dataclass(frozen=True)
class TrailFilter:
    """Which lines; an empty field asks for nothing. actor: start of the name. since, until: with both ends."""

    act: Act | None = None
    actor: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


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

    def newest_first(
        self, site_id: UUID | None, wanted: TrailFilter, *, before: int | None, limit: int
    ) -> list[AuditEvent]:
        """site_id: None for every site. before: number of the last line of the page before."""
        query = sa.select(AuditEvent).where(*_matching(site_id, wanted))
        if before is not None:
            query = query.where(AuditEvent.number < before)
        return list(self._session.scalars(query.order_by(AuditEvent.number.desc()).limit(limit)))

    def oldest_first(self, site_id: UUID | None, wanted: TrailFilter) -> Iterator[AuditEvent]:
        """Every line that matches, a thousand in memory at a time."""
        query = sa.select(AuditEvent).where(*_matching(site_id, wanted)).order_by(AuditEvent.number)
        for event in self._session.scalars(query.execution_options(yield_per=1000)):
            yield event
            self._session.expunge(event)

    def add(self, event: AuditEvent) -> None:
        self._session.add(event)
        self._session.flush()


def _matching(site_id: UUID | None, wanted: TrailFilter) -> Iterator[sa.ColumnElement[bool]]:
    if site_id is not None:
        yield AuditEvent.site_id == site_id
    if wanted.act is not None:
        yield AuditEvent.act == wanted.act
    if wanted.actor:
        yield AuditEvent.actor.istartswith(wanted.actor, autoescape=True)
    if wanted.object_id:
        yield AuditEvent.object_id == wanted.object_id
    if wanted.since is not None:
        yield AuditEvent.at >= wanted.since
    if wanted.until is not None:
        yield AuditEvent.at <= wanted.until
