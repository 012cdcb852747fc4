"""Where cells come in: the upload page, the guide to pictures that fit, and a drawn cell to try."""

from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from app.accounts.permissions import Permission
from app.cases.intake import Target, Upload
from app.dependencies import CurrentIdentity, RequestId, ServicesDep
from app.guard import GuardedRoute, may
from app.inference.upload import encode_png
from app.web import case_contexts, intake_contexts
from app.web.case_pages import case_rows
from app.web.visit import VisitDep
from models.drawn_cells import draw_cell

RECENT_CASES = 5
SAMPLE_SEED = 1

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/")
@may(Permission.SEE_CASES)
def upload_page(visit: VisitDep, case: UUID | None = None) -> Response:
    page = intake_contexts.upload_page(
        visit.cases.site_profile(visit.who.site_id),
        case_rows(visit, limit=RECENT_CASES)[0],
        case_contexts.case_ref(visit.cases.case(visit.who, case)) if case else None,
        can_upload=visit.may(Permission.UPLOAD),
        max_archive_bytes=visit.services.settings.max_upload_mb * 2**20,
    )
    return visit.page(page)


@router.get("/pictures")
@may(Permission.SEE_CASES)
def pictures_page(visit: VisitDep) -> Response:
    return visit.page(intake_contexts.pictures_page())


@router.post("/sample")
@may(Permission.UPLOAD, needs_engine=True)
async def sample(services: ServicesDep, who: CurrentIdentity, request_id: RequestId) -> Response:
    """Draw a cell and take it in like any upload; its case is marked as drawn."""
    png = await anyio.to_thread.run_sync(lambda: encode_png(draw_cell(SAMPLE_SEED)))
    cell, _ = await services.intake.predict(who, Upload(png), Target(drawn=True), request_id)
    return RedirectResponse(f"/cells/{cell.id}", 303)
