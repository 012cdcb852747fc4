"""Upload, cases, cells and verdicts."""

from typing import Annotated
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from app.accounts.permissions import Permission
from app.cases.intake import Target, Upload
from app.cases.tables import CaseState
from app.dependencies import CurrentIdentity, RequestId, ServicesDep
from app.guard import GuardedRoute, may
from app.inference.upload import encode_png
from app.web import case_contexts as contexts
from app.web import page_contexts as pages
from app.web.visit import Visit, VisitDep
from models.drawn_cells import draw_cell

RECENT_CASES = 5
CASES_A_PAGE = 25
SAMPLE_SEED = 1

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/")
@may(Permission.SEE_CASES)
def upload_page(visit: VisitDep, case: UUID | None = None) -> Response:
    recent = _case_rows(visit, limit=RECENT_CASES)[0]
    page = pages.UploadPage(
        can_upload=visit.may(Permission.UPLOAD),
        newcomer=not recent,
        into_case=contexts.case_ref(visit.cases.case(visit.who, case)) if case else None,
        accession="",
        recent=recent,
    )
    return visit.page(page)


@router.post("/sample")
@may(Permission.UPLOAD, needs_engine=True)
async def sample(services: ServicesDep, who: CurrentIdentity, request_id: RequestId) -> Response:
    """Draw a cell and take it in like any upload; its case is marked as drawn."""
    png = await anyio.to_thread.run_sync(lambda: encode_png(draw_cell(SAMPLE_SEED)))
    cell, _ = await services.intake.predict(who, Upload(png), Target(drawn=True), request_id)
    return RedirectResponse(f"/cells/{cell.id}", 303)


@router.get("/cases")
@may(Permission.SEE_CASES)
def cases_page(
    visit: VisitDep,
    q: Annotated[str, Query(max_length=64)] = "",
    state: str = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    wanted = next((each for each in CaseState if each == state), None)
    rows, next_cursor = _case_rows(visit, search=q.strip(), state=wanted, cursor=cursor)
    counts = visit.cases.state_counts(visit.who, q.strip())
    return visit.page(contexts.cases_page(rows, counts, q, wanted, cursor, next_cursor))


def _case_rows(
    visit: Visit,
    *,
    search: str = "",
    state: CaseState | None = None,
    cursor: str | None = None,
    limit: int = CASES_A_PAGE,
) -> tuple[tuple[pages.CaseRow, ...], str | None]:
    cases = visit.cases
    found = cases.cases(visit.who, search=search, state=state, cursor=cursor, limit=limit)
    labels, judged = cases.label_counts(visit.who, found.cases), visit.reviews.judged_counts(found.cases)
    names = visit.accounts.names({case.created_by for case in found.cases})
    rows = tuple(
        contexts.case_row(
            case, found.counts[case.id], labels[case.id], judged[case.id], names.get(case.created_by)
        )
        for case in found.cases
    )
    return rows, found.next_cursor
