"""The audit trail of the visitor's site, filtered, page by page, and as a file."""

from datetime import UTC, date, datetime, time
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator

from app.accounts.permissions import Permission
from app.audit.acts import Act
from app.audit.export import csv_lines
from app.audit.repository import TrailFilter
from app.audit.service import AuditService
from app.audit.tables import AuditEvent
from app.audit.trail import TrailService
from app.guard import GuardedRoute, may
from app.web import page_contexts as pages
from app.web.visit import VisitDep

LINES_A_PAGE = 50

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

Text = Annotated[str, Query(max_length=100)]
Day = Annotated[date | None, BeforeValidator(lambda text: text or None)]
Cursor = Annotated[int | None, Query(ge=1, le=2**53)]


def get_filter(
    act: Text = "", actor: Text = "", object_id: Text = "", since: Day = None, until: Day = None
) -> pages.AuditFilter:
    """A form's empty fields ask for nothing."""
    return pages.AuditFilter(act.strip(), actor.strip(), object_id.strip(), since, until)


Wanted = Annotated[pages.AuditFilter, Depends(get_filter)]


@router.get("/audit")
@may(Permission.SEE_AUDIT)
def audit_page(visit: VisitDep, wanted: Wanted, cursor: Cursor = None) -> Response:
    trail = TrailService(visit.session, visit.who.site_id)
    found = trail.page(_lines_of(wanted), before=cursor, limit=LINES_A_PAGE)
    page = pages.AuditPage(
        rows=tuple(_row(event) for event in found.events),
        wanted=wanted,
        acts=tuple(sorted(Act)),
        query=urlencode({name: value for name, value in vars(wanted).items() if value}),
        next_cursor=str(found.next_before) if found.next_before else None,
    )
    return visit.page(page)


@router.get("/audit/export")
@may(Permission.SEE_AUDIT)
def audit_export(visit: VisitDep, wanted: Wanted) -> Response:
    """The lines that match, as CSV; that somebody took them along is an act, too."""
    with visit.services.database.unit_of_work() as session:
        AuditService(session, visit.services.now()).record(visit.who, Act.AUDIT_EXPORTED)
    lines = csv_lines(TrailService(visit.session, visit.who.site_id).lines(_lines_of(wanted)))
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


def _lines_of(wanted: pages.AuditFilter) -> TrailFilter:
    """Days are days in UTC, the last one included."""
    return TrailFilter(
        act=next((act for act in Act if act == wanted.act), None),
        actor=wanted.actor,
        object_id=wanted.object_id,
        since=datetime.combine(wanted.since, time.min, UTC) if wanted.since else None,
        until=datetime.combine(wanted.until, time.max, UTC) if wanted.until else None,
    )


def _row(event: AuditEvent) -> pages.AuditRow:
    return pages.AuditRow(
        number=event.number,
        at=event.at,
        actor=event.actor,
        act=event.act,
        object_id=event.object_id,
        details=tuple((name, str(value)) for name, value in sorted(event.details.items())),
        digest=event.digest,
    )
