"""The outbox for an admin: what was sent, what waits, and the dead letters, which may be tried again."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from app.accounts.permissions import Permission
from app.errors import Conflict
from app.guard import GuardedRoute, may
from app.outbox.service import MessageRow, OutboxService
from app.outbox.states import DestinationKind, MessageState
from app.sign_off.tables import SignOffKind
from app.web import page_contexts as pages
from app.web.visit import Visit, VisitDep

router = APIRouter(prefix="/admin/messages", route_class=GuardedRoute, include_in_schema=False)

KIND_WORDS: Final = {
    DestinationKind.WEBHOOK: "Webhook",
    DestinationKind.FHIR: "FHIR server",
    DestinationKind.HL7: "HL7 over MLLP",
}
OCCASION_WORDS: Final = {
    SignOffKind.SIGN: "Signature",
    SignOffKind.AMEND: "Amendment",
    SignOffKind.RETRACT: "Retraction",
}


@router.get("")
@may(Permission.MANAGE_MESSAGES)
def messages_page(visit: VisitDep, state: Annotated[str, Query(max_length=20)] = "") -> Response:
    wanted = next((each for each in MessageState if each == state), None)
    return visit.page(_messages_page(visit, wanted))


@router.post("/{message_id}/retry")
@may(Permission.MANAGE_MESSAGES)
def retry(visit: VisitDep, message_id: UUID) -> Response:
    try:
        with visit.services.database.unit_of_work() as session:
            outbox = OutboxService(session, visit.services.now())
            outbox.retry(visit.who, visit.who.site_id, message_id)
    except Conflict as refused:
        return visit.page(_messages_page(visit, MessageState.DEAD, refused.detail), status=409)
    visit.services.sender.wake()
    return RedirectResponse("/admin/messages?state=waiting&done=message-queued", 303)


def _messages_page(
    visit: Visit, state: MessageState | None, trouble: str | None = None
) -> pages.MessagesPage:
    outbox = OutboxService(visit.session, visit.services.now())
    rows = outbox.rows(visit.who.site_id, MessageState if state is None else [state])
    return pages.MessagesPage(tuple(_row(row) for row in rows), state, trouble)


def _row(row: MessageRow) -> pages.MessageRow:
    return pages.MessageRow(
        id=str(row.id),
        case=pages.CaseRef(str(row.case_id), row.accession),
        destination=row.destination,
        kind=KIND_WORDS[row.kind],
        occasion=OCCASION_WORDS[row.occasion],
        state=row.state,
        attempts=row.attempts,
        problem=row.problem,
        created_at=row.created_at,
        sent_at=row.sent_at,
    )
