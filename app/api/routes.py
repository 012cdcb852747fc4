"""The REST routes: parse, call one service, answer."""

from typing import Annotated
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, File, Form, Header, Query, Request, Response, UploadFile

from app.accounts.permissions import Permission
from app.api.disconnect import while_connected
from app.api.schemas import (
    CaseAnswer,
    CaseList,
    CaseWithCells,
    CellAnswer,
    ModelAnswer,
    ModelList,
    NewCase,
    NewReview,
    PredictionAnswer,
    ProblemDocument,
    ReviewAnswer,
    TakenArchiveFiles,
    TakenFile,
    TakenFiles,
)
from app.cases.intake import Target, Upload
from app.cases.service import CaseService, model_of
from app.cases.tables import CaseState, Cell
from app.dependencies import (
    CaseReader,
    CurrentIdentity,
    RegistryReader,
    RequestId,
    ServicesDep,
)
from app.errors import FileRefused
from app.guard import GuardedRoute, may
from app.reviews.service import ReviewService
from app.reviews.view import CaseViewer
from models.decoding import MAX_IMAGE_BYTES
from models.preprocessing import Preprocessing
from models.refusals import ImageRefused, RefusalCode

PNG_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}

PROBLEMS = {
    status: {"model": ProblemDocument, "description": text}
    for status, text in {
        401: "No session and no key",
        403: "The account or key may not do this",
        404: "Not there, or another site's",
        409: "Changed meanwhile, or the first request still runs",
        413: "Too large",
        415: "Not an accepted image format",
        422: "Refused; `code` says why",
        429: "Too many wrong keys; `Retry-After` says when",
        503: "No place or no engine; `Retry-After` says when",
        507: "No room left",
    }.items()
}

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, responses=PROBLEMS)  # type: ignore[arg-type]

AccessionForm = Annotated[
    str | None, Form(max_length=64, description="joins or opens the case of this accession")
]
ClientRefForm = Annotated[
    str | None, Form(max_length=128, description="the sender's own opaque name of the image")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="the same key and request give the same answer, never a second case",
    ),
]


@router.post("/predictions", status_code=201, tags=["predictions"])
@may(Permission.UPLOAD, needs_engine=True)
async def predict(
    request: Request,
    services: ServicesDep,
    who: CurrentIdentity,
    request_id: RequestId,
    image: Annotated[UploadFile, File(description="one 450x450 cell image")],
    case_id: Annotated[UUID | None, Form()] = None,
    accession: AccessionForm = None,
    client_ref: ClientRefForm = None,
    _key: IdempotencyKey = None,
) -> PredictionAnswer:
    """Store one cell image and predict its class."""
    upload = Upload(await _bytes_of(image), client_ref or None)
    target = Target(case_id=case_id, accession=accession or None)
    work = services.intake.predict(who, upload, target, request_id)
    cell, prediction = await while_connected(request, work)
    return PredictionAnswer.of(cell, prediction)


@router.post("/cases", status_code=201, tags=["cases"])
@may(Permission.UPLOAD)
def open_case(
    new: NewCase,
    services: ServicesDep,
    who: CurrentIdentity,
    request_id: RequestId,
    _key: IdempotencyKey = None,
) -> CaseAnswer:
    """Open a case, or join the open one of the same accession."""
    with services.database.unit_of_work() as session:
        cases = CaseService(session, services.now())
        case, _ = cases.open_case(who, new.accession or None, request_id=request_id)
        return CaseAnswer.of(case, cases.counts(case), blind=bool(cases.blind_to(who, [case])))


@router.get("/cases", tags=["cases"])
@may(Permission.SEE_CASES)
def list_cases(
    cases: CaseReader,
    who: CurrentIdentity,
    search: Annotated[str, Query(max_length=64, description="start of the accession")] = "",
    state: CaseState | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
) -> CaseList:
    """Cases of the asker's site, newest first."""
    page = cases.cases(who, search=search, state=state, cursor=cursor, limit=limit)
    blind = cases.blind_to(who, page.cases)
    answers = [CaseAnswer.of(case, page.counts[case.id], blind=case.id in blind) for case in page.cases]
    return CaseList(cases=answers, next_cursor=page.next_cursor)


@router.get("/cases/{case_id}", tags=["cases"])
@may(Permission.SEE_CASES)
def show_case(case_id: UUID, services: ServicesDep, who: CurrentIdentity) -> CaseWithCells:
    """A case with its cells, their newest predictions and verdicts, as far as the asker may see them."""
    with services.database.unit_of_work() as session:
        counts = CaseService(session, services.now()).counts_of(who, case_id)
        return CaseWithCells.of_reading(CaseViewer(session, services.now()).case(who, case_id), counts)


@router.post("/cases/{case_id}/cells", status_code=202, tags=["cases"])
@may(Permission.UPLOAD)
async def add_cells(
    case_id: UUID,
    services: ServicesDep,
    who: CurrentIdentity,
    request_id: RequestId,
    images: Annotated[list[UploadFile], File(description="cell images; a bad one fails alone")],
    _key: IdempotencyKey = None,
) -> TakenFiles:
    """Store many cell images; they are scored behind this answer."""
    uploads = [Upload(await image.read(MAX_IMAGE_BYTES + 1)) for image in images]
    cells = await services.intake.add_cells(who, case_id, uploads, request_id)
    services.backlog.wake()
    names = [image.filename or "" for image in images]
    return TakenFiles(case_id=case_id, cells=await _taken(services, who, cells, names))


@router.post("/cases/{case_id}/archive", status_code=202, tags=["cases"])
@may(Permission.UPLOAD)
async def add_archive(
    case_id: UUID,
    services: ServicesDep,
    who: CurrentIdentity,
    request_id: RequestId,
    archive: Annotated[UploadFile, File(description="a zip of cell images; a bad one fails alone")],
    _key: IdempotencyKey = None,
) -> TakenArchiveFiles:
    """Store the pictures of a zip; they are scored behind this answer."""
    taken = await services.intake.add_archive(who, case_id, await archive.read(), request_id)
    services.backlog.wake()
    names, cells = [name for name, _ in taken.cells], [cell for _, cell in taken.cells]
    entries = await _taken(services, who, cells, names)
    return TakenArchiveFiles(case_id=case_id, cells=entries, ignored=taken.ignored)


@router.get("/cells/{cell_id}", tags=["cells"])
@may(Permission.SEE_CASES)
def show_cell(cell_id: UUID, services: ServicesDep, who: CurrentIdentity) -> CellAnswer:
    """One cell with its newest prediction and all verdicts, as far as the asker may see them."""
    with services.database.unit_of_work() as session:
        return CellAnswer.of_reading(CaseViewer(session, services.now()).cell(who, cell_id))


@router.get("/cells/{cell_id}/image.png", tags=["cells"], response_class=Response)
@may(Permission.SEE_CASES)
def cell_image(cell_id: UUID, cases: CaseReader, services: ServicesDep, who: CurrentIdentity) -> Response:
    """The whole picture, re-encoded; no byte of the upload is served back."""
    png = services.images.read(cases.picture_digest(who, cell_id))
    return Response(png, media_type="image/png", headers=PNG_HEADERS)


@router.get("/cells/{cell_id}/crop.png", tags=["cells"], response_class=Response)
@may(Permission.SEE_CASES)
async def cell_crop(
    cell_id: UUID, cases: CaseReader, registry: RegistryReader, services: ServicesDep, who: CurrentIdentity
) -> Response:
    """What the network saw; before there is a prediction, what the active model would see."""
    png, recipe = await anyio.to_thread.run_sync(_picture_and_recipe, cases, registry, services, who, cell_id)
    return Response(await services.decoder.crop(png, recipe), media_type="image/png", headers=PNG_HEADERS)


@router.post("/cells/{cell_id}/reviews", status_code=201, tags=["reviews"])
@may(Permission.GIVE_VERDICT)
def add_review(
    cell_id: UUID, new: NewReview, services: ServicesDep, who: CurrentIdentity, _key: IdempotencyKey = None
) -> ReviewAnswer:
    """Record a person's verdict; earlier ones stay."""
    with services.database.unit_of_work() as session:
        reviews = ReviewService(session, services.now())
        return ReviewAnswer.of(reviews.give_verdict(who, cell_id, new.verdict, new.note, new.seen))


@router.get("/models", tags=["models"])
@may(Permission.SEE_MODELS)
def list_models(registry: RegistryReader) -> ModelList:
    """Every registered model."""
    active = registry.active().sha256
    return ModelList(models=[ModelAnswer.of(row, active) for row in registry.models()])


@router.get("/models/active", tags=["models"])
@may(Permission.SEE_MODELS)
def active_model(registry: RegistryReader) -> ModelAnswer:
    """The model that answers now."""
    active = registry.active()
    row = next(row for row in registry.models() if row.sha256 == active.sha256)
    return ModelAnswer.of(row, active.sha256)


async def _bytes_of(image: UploadFile) -> bytes:
    data = await image.read(MAX_IMAGE_BYTES + 1)
    if len(data) > MAX_IMAGE_BYTES:
        detail = f"Expected at most {MAX_IMAGE_BYTES:,} bytes a file, got more."
        raise FileRefused(ImageRefused(RefusalCode.PAYLOAD_TOO_LARGE, detail))
    return data


def _picture_and_recipe(
    cases: CaseReader, registry: RegistryReader, services: ServicesDep, who: CurrentIdentity, cell_id: UUID
) -> tuple[bytes, Preprocessing]:
    prediction = cases.shown_prediction(who, cell_id)
    model = registry.active() if prediction is None else model_of(prediction)
    return services.images.read(cases.picture_digest(who, cell_id)), registry.manifest(model).preprocessing


async def _taken(
    services: ServicesDep, who: CurrentIdentity, cells: list[Cell], names: list[str]
) -> list[TakenFile]:
    def duplicates() -> dict[UUID, UUID]:
        with services.database.reading() as session:
            return CaseService(session, services.now()).duplicates(who, cells)

    known = await anyio.to_thread.run_sync(duplicates)
    return [TakenFile.of(cell, name, known) for cell, name in zip(cells, names, strict=True)]
