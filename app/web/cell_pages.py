"""The page of one cell, and the verdicts given there."""

from typing import Annotated
from uuid import UUID

import anyio.from_thread
from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from app.accounts.permissions import Permission
from app.cases.service import model_of
from app.cases.tables import Cell
from app.errors import Conflict
from app.guard import GuardedRoute, may
from app.reviews.service import ReviewService, is_judgeable
from app.reviews.tables import Verdict
from app.reviews.view import CaseViewer, CellReading
from app.web import cell_contexts as contexts
from app.web import page_contexts as pages
from app.web.case_contexts import case_ref
from app.web.visit import Visit, VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/cells/{cell_id}")
@may(Permission.SEE_CASES)
def cell_page(visit: VisitDep, cell_id: UUID) -> Response:
    with visit.services.database.unit_of_work() as session:
        seen = CaseViewer(session, visit.services.now()).cell(visit.who, cell_id)
    return visit.page(_cell_page(visit, seen))


@router.get("/cells/{cell_id}/result")
@may(Permission.SEE_CASES)
def cell_result(visit: VisitDep, cell_id: UUID) -> Response:
    seen = visit.viewer.look_at_cell(visit.who, cell_id)
    return visit.page(pages.ResultPartial(_cell_page(visit, seen).result))


@router.post("/cells/{cell_id}/verdict")
@may(Permission.GIVE_VERDICT)
def give_verdict(
    visit: VisitDep,
    cell_id: UUID,
    verdict: Annotated[Verdict, Form()],
    seen_version: Annotated[int, Form(ge=0)],
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    try:
        with visit.services.database.unit_of_work() as session:
            reviews = ReviewService(session, visit.services.now())
            reviews.give_verdict(visit.who, cell_id, verdict, note, seen_version)
    except Conflict as newer:
        seen = visit.viewer.look_at_cell(visit.who, cell_id)
        page = _cell_page(visit, seen, note=note, conflict=newer.detail)
        return visit.page(pages.VerdictPartial(page.panel) if visit.wants_part else page, status=409)
    if not visit.wants_part:
        return RedirectResponse(f"/cells/{cell_id}", 303)
    seen = visit.viewer.look_at_cell(visit.who, cell_id)
    return visit.page(pages.VerdictPartial(_cell_page(visit, seen, just_saved=True).panel))


@router.post("/cells/{cell_id}/void")
@may(Permission.VOID)
def void_cell(visit: VisitDep, cell_id: UUID, reason: Annotated[str, Form(max_length=500)]) -> Response:
    with visit.services.database.unit_of_work() as session:
        ReviewService(session, visit.services.now()).void_cell(visit.who, cell_id, reason, None)
    return RedirectResponse(f"/cells/{cell_id}", 303)


def _cell_page(
    visit: Visit, seen: CellReading, *, note: str = "", conflict: str | None = None, just_saved: bool = False
) -> pages.CellPage:
    cell, case = seen.cell, seen.case
    panel = contexts.verdict_panel(
        seen,
        reader=visit.who.id,
        may_judge=visit.may(Permission.GIVE_VERDICT),
        note=note,
        conflict=conflict,
        just_saved=just_saved,
    )
    return pages.CellPage(
        case=case_ref(case),
        position=cell.position,
        cells=visit.cases.counts(case).cells,
        uploaded_at=cell.created_at,
        image_sha256=cell.image_sha256,
        previous_cell_id=str(seen.before) if seen.before else None,
        next_cell_id=str(seen.after) if seen.after else None,
        result=_result(visit, seen),
        panel=panel,
        can_void=visit.may(Permission.VOID) and is_judgeable(cell) and not case.state.is_closed,
        voided=_voided(visit, cell),
    )


def _voided(visit: Visit, cell: Cell) -> pages.Voided | None:
    if cell.voided_at is None or cell.voided_by is None:
        return None
    by = visit.accounts.names({cell.voided_by}).get(cell.voided_by, "")
    return pages.Voided(cell.voided_at, by, cell.void_reason or "")


def _result(visit: Visit, seen: CellReading) -> pages.CellResult:
    """The model's part of the page: where its crop lies is found in the picture, because it may follow the cell."""
    if not seen.predictions or seen.cell.pixels_sha256 is None:
        return contexts.cell_result(seen, None, None, None)
    manifest = visit.registry.manifest(model_of(seen.predictions[0]))
    png = visit.services.images.read(seen.cell.pixels_sha256)
    top, left, side = anyio.from_thread.run(visit.services.decoder.window, png, manifest.preprocessing)
    similar = visit.services.similar.similar(visit.who, seen.cell.id)
    crop = pages.Crop(left, top, side, manifest.preprocessing.output_px)
    return contexts.cell_result(seen, crop, manifest, similar)
