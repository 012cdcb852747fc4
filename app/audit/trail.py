"""Reading the audit trail: page by page with filters, as a whole, and whether it is whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.audit.chain import Break, Head, first_break
from app.audit.repository import AuditRepository, TrailFilter
from app.audit.tables import AuditEvent

EVERYTHING = TrailFilter()


@dataclass(frozen=True)
class TrailPage:
    """Newest first. next_before: None on the last page."""

    events: list[AuditEvent]
    next_before: int | None


class TrailService:
    """Reads in the caller's session.

    Args:
        site_id: whose lines; None for all of them, which the command line sees alone.
    """

    def __init__(self, session: Session, site_id: UUID | None) -> None:
        self._events = AuditRepository(session)
        self._site_id = site_id

    def page(
        self, wanted: TrailFilter = EVERYTHING, *, before: int | None = None, limit: int = 50
    ) -> TrailPage:
        """before: `next_before` of the page before."""
        rows = self._events.newest_first(self._site_id, wanted, before=before, limit=limit + 1)
        more = len(rows) > limit
        return TrailPage(rows[:limit], rows[limit - 1].number if more else None)

    def lines(self, wanted: TrailFilter = EVERYTHING) -> Iterator[AuditEvent]:
        """Oldest first, read piece by piece."""
        return self._events.oldest_first(self._site_id, wanted)

    def verify(self, heads: Iterable[Head]) -> Break | None:
        """See `app.audit.chain.first_break`; whatever the site, the chain is one."""
        return first_break(self._events.oldest_first(None, EVERYTHING), heads)
