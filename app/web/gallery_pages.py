"""The gallery of a case: its page, more tiles, news of it, and the verdicts given there."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from app.accounts.permissions import Permission
from app.cases.tables import CaseState
from app.errors import BadRequest, Conflict
from app.guard import GuardedRoute, may
from app.reviews.service import BULK_LIMIT, ReviewService
from app.reviews.tables import Verdict
from app.reviews.view import CaseReading, CaseViewer
from app.web import gallery_contexts as contexts
from app.web import page_contexts as pages
from app.web.case_contexts import case_ref, profile_warnings
from app.web.visit import Visit, VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

Start = Annotated[int, Query(ge=0, le=1_000_000)]
Word = Annotated[str, Query(max_length=40)]
Cells = Annotated[list[Annotated[str, Field(max_length=60)]], Form(min_length=1, max_length=BULK_LIMIT)]


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
    case = seen.case
    page = pages.CasePage(
        case=case_ref(case),
        created_at=case.created_at,
        created_by=visit.accounts.names({case.created_by}).get(case.created_by),
        can_upload=visit.may(Permission.UPLOAD) and not case.state.is_closed,
        drawn=case.drawn,
        profile_warnings=profile_warnings(case, visit.training_acquisition),
        blinded=seen.blind,
        may_read_first=seen.blind and visit.may(Permission.GIVE_VERDICT),
        reader=str(visit.who.id),
        summary=contexts.summary(seen, _address(case_id), visit.services.now()),
        gallery=contexts.gallery(seen, _address(case_id), wanted, start, blocked=_blocked(visit, seen)),
        refused=contexts.refused(seen),
    )
    return visit.page(page)


@router.get("/cases/{case_id}/tiles")
@may(Permission.SEE_CASES)
def more_tiles(visit: VisitDep, case_id: UUID, wanted: WantedDep, start: Start = 0) -> Response:
    seen, length = visit.viewer.look_at_case(visit.who, case_id), contexts.TILES_A_PART
    shown = contexts.gallery(
        seen, _address(case_id), wanted, start, blocked=_blocked(visit, seen), length=length
    )
    return visit.page(pages.TilesPartial(shown))


@router.get("/cases/{case_id}/news")
@may(Permission.SEE_CASES)
def news(visit: VisitDep, case_id: UUID, asked: datetime, version: int) -> Response:
    """What changed since `asked`; 204 when nothing did, and the page goes on asking from there."""
    case = visit.cases.case(visit.who, case_id)
    if case.version == version and case.state is not CaseState.OPEN:
        return Response(status_code=204)
    seen = visit.viewer.look_at_case(visit.who, case_id)
    summary = contexts.summary(seen, _address(case_id), visit.services.now())
    return visit.page(pages.NewsPartial(summary, contexts.changed_tiles(seen, asked)))


@router.post("/cases/{case_id}/verdicts")
@may(Permission.GIVE_VERDICT)
def give_verdicts(
    visit: VisitDep, case_id: UUID, verdict: Annotated[Verdict, Form()], cell: Cells
) -> Response:
    """One verdict for the chosen cells, on all of them or on none."""

    def give(reviews: ReviewService, chosen: dict[UUID, int]) -> None:
        if len(chosen) > 1:
            reviews.give_many(visit.who, case_id, verdict, chosen)
        else:
            for cell_id, number in chosen.items():
                reviews.give_verdict(visit.who, cell_id, verdict, seen=number)

    return _judge(visit, case_id, cell, give)


@router.post("/cases/{case_id}/undo")
@may(Permission.GIVE_VERDICT)
def take_back(visit: VisitDep, case_id: UUID, cell: Cells) -> Response:
    """Take back the visitor's newest verdict on the chosen cells."""

    def withdraw(reviews: ReviewService, chosen: dict[UUID, int]) -> None:
        for cell_id, number in chosen.items():
            reviews.withdraw(visit.who, cell_id, number)

    return _judge(visit, case_id, cell, withdraw)


@router.post("/cases/{case_id}/first-reading")
@may(Permission.GIVE_VERDICT)
def read_first(visit: VisitDep, case_id: UUID) -> Response:
    with visit.services.database.unit_of_work() as session:
        ReviewService(session, visit.services.now()).take_first_reading(visit.who, case_id)
    return RedirectResponse(_address(case_id), 303)


def _judge(
    visit: Visit, case_id: UUID, cells: list[str], act: Callable[[ReviewService, dict[UUID, int]], None]
) -> Response:
    """Do it in one unit of work; the gallery's script gets the tiles as they are then, a plain form the page."""
    chosen = dict(_chosen(each) for each in cells)
    conflict = None
    try:
        with visit.services.database.unit_of_work() as session:
            act(ReviewService(session, visit.services.now()), chosen)
    except Conflict as newer:
        if not visit.wants_part:
            raise
        conflict = newer.detail
    if not visit.wants_part:
        return RedirectResponse(_address(case_id), 303)
    seen = visit.viewer.look_at_case(visit.who, case_id)
    tiles = tuple(contexts.tile(each, seen, conflict) for each in seen.cells if each.id in chosen)
    return visit.page(pages.SavedPartial(tiles), status=409 if conflict else 200)


def _address(case_id: UUID) -> str:
    return f"/cases/{case_id}"


def _blocked(visit: Visit, seen: CaseReading) -> str | None:
    """Why this visitor cannot judge cells here."""
    if not visit.may(Permission.GIVE_VERDICT):
        return "Your role lets you look. A verdict needs the role Reviewer or Admin."
    return seen.blocked


def _chosen(cell: str) -> tuple[UUID, int]:
    """`<cell id>:<number of the verdict seen there>`."""
    cell_id, _, number = cell.partition(":")
    try:
        return UUID(cell_id), int(number)
    except ValueError as broken:
        raise BadRequest("Expected a cell as `id:number`, the number of the newest verdict seen.") from broken
