"""The gallery of a case: its page, more tiles, news of it, and the verdicts given there."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import RedirectResponse

from app.accounts.permissions import Permission
from app.errors import BadRequest, Conflict
from app.guard import GuardedRoute, may
from app.reviews.service import ReviewService
from app.reviews.tables import Verdict
from app.reviews.view import CaseReading, CaseViewer
from app.web import gallery_contexts as contexts
from app.web import page_contexts as pages
from app.web.case_contexts import case_ref
from app.web.visit import Visit, VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

Start = Annotated[int, Query(ge=0, le=1_000_000)]
Word = Annotated[str, Query(max_length=40)]


def get_wanted(
    label: Word = "", verdict: Word = "", quality: Word = "", disagreement: Word = "", order: Word = ""
) -> contexts.Wanted:
    return contexts.Wanted(label, verdict, quality, disagreement, order)


WantedDep = Annotated[contexts.Wanted, Depends(get_wanted)]


@router.get("/cases/{case_id}")
@may(Permission.SEE_CASES)
def case_page(visit: VisitDep, case_id: UUID, wanted: WantedDep, start: Start = 0) -> Response:
    with visit.services.database.unit_of_work() as session:
        seen = CaseViewer(session, visit.services.now()).case(visit.who, case_id)
    view = _case_view(visit, seen)
    page = pages.CasePage(
        case=case_ref(view.case),
        created_at=view.case.created_at,
        created_by=view.created_by,
        can_upload=visit.may(Permission.UPLOAD),
        drawn=view.case.drawn,
        has_acquisition_profile=False,
        reader=str(visit.who.id),
        summary=contexts.summary(view, _address(case_id), visit.services.now()),
        gallery=contexts.gallery(view, _address(case_id), wanted, start, blocked=_blocked(visit, seen)),
        refused=contexts.refused(view),
    )
    return visit.page(page)


@router.get("/cases/{case_id}/tiles")
@may(Permission.SEE_CASES)
def more_tiles(visit: VisitDep, case_id: UUID, wanted: WantedDep, start: Start = 0) -> Response:
    seen, length = visit.viewer.look_at_case(visit.who, case_id), contexts.TILES_A_PART
    view = _case_view(visit, seen)
    shown = contexts.gallery(
        view, _address(case_id), wanted, start, blocked=_blocked(visit, seen), length=length
    )
    return visit.page(pages.TilesPartial(shown))


@router.get("/cases/{case_id}/news")
@may(Permission.SEE_CASES)
def news(visit: VisitDep, case_id: UUID, asked: datetime, version: int) -> Response:
    """What changed since `asked`; 204 when nothing did, and the page goes on asking from there."""
    view = _case_view(visit, visit.viewer.look_at_case(visit.who, case_id))
    tiles = contexts.changed_tiles(view, asked)
    if not tiles and view.case.version == version:
        return Response(status_code=204)
    summary = contexts.summary(view, _address(case_id), visit.services.now())
    return visit.page(pages.NewsPartial(summary, tiles))


@router.post("/cases/{case_id}/verdicts")
@may(Permission.GIVE_VERDICT)
def give_verdicts(
    visit: VisitDep,
    case_id: UUID,
    verdict: Annotated[Verdict, Form()],
    cell: Annotated[list[str], Form(max_length=60)],
) -> Response:
    """One verdict for the chosen cells; the answer shows them as they are then, the ones not saved included."""
    chosen = [_seen(each) for each in cell]
    conflicts: dict[UUID, str] = {}
    for cell_id, number in chosen:
        try:
            with visit.services.database.unit_of_work() as session:
                reviews = ReviewService(session, visit.services.now())
                reviews.give_verdict(visit.who, cell_id, verdict, seen=number)
        except Conflict as newer:
            conflicts[cell_id] = newer.detail
    if not visit.wants_part:
        return RedirectResponse(_address(case_id), 303)
    view = _case_view(visit, visit.viewer.look_at_case(visit.who, case_id))
    wanted = {cell_id for cell_id, _ in chosen}
    tiles = tuple(
        contexts.tile(each, view, conflicts.get(each.id)) for each in view.shown if each.id in wanted
    )
    return visit.page(pages.SavedPartial(tiles), status=409 if conflicts else 200)


def _address(case_id: UUID) -> str:
    return f"/cases/{case_id}"


def _blocked(visit: Visit, seen: CaseReading) -> str | None:
    """Why this visitor cannot judge cells here."""
    if not visit.may(Permission.GIVE_VERDICT):
        return "Your role lets you look. A verdict needs the role Reviewer or Admin."
    return seen.blocked


def _seen(chosen: str) -> tuple[UUID, int]:
    """`<cell id>:<number of the verdict seen there>`."""
    cell_id, _, number = chosen.partition(":")
    try:
        return UUID(cell_id), int(number)
    except ValueError as broken:
        raise BadRequest("Expected a cell as `id:number`, the number of the newest verdict seen.") from broken


def _case_view(visit: Visit, seen: CaseReading) -> contexts.CaseView:
    created_by = visit.accounts.names({seen.case.created_by}).get(seen.case.created_by)
    return contexts.CaseView(seen.case, seen.cells, seen.predictions, seen.verdicts, created_by)
