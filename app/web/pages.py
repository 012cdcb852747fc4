"""The pages: parse, call services, render."""

from typing import Annotated
from urllib.parse import quote, urlsplit
from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

from app.accounts.permissions import Identity, Permission
from app.accounts.service import MIN_PASSWORD_CHARACTERS, AccountService
from app.cases.intake import Target, Upload
from app.cases.service import CaseService, model_of
from app.cases.tables import CaseState, Cell
from app.dependencies import (
    AccountReader,
    CaseReader,
    CurrentIdentity,
    RegistryReader,
    RequestId,
    ReviewReader,
    ServicesDep,
    Visitor,
)
from app.errors import BadRequest, Conflict, LeukolensError, NotAuthenticated, NotFound
from app.guard import SECURE_SESSION_COOKIE, SESSION_COOKIE, GuardedRoute, may, open_to_all, session_cookie
from app.inference.upload import encode_png
from app.registry.service import RegistryService
from app.reviews.service import ReviewService
from app.reviews.tables import Verdict
from app.services import Services
from app.web import contexts
from app.web import page_contexts as pages
from app.web.rendering import render
from app.web.words import what_to_do
from models.drawn_cells import draw_cell
from models.preprocessing import Preprocessing

RECENT_CASES = 5
ENVIRONMENT_WARNING = "This installation runs without https. Use it on a closed network only."

router = APIRouter(route_class=GuardedRoute, include_in_schema=False, default_response_class=HTMLResponse)


# --- upload and sample ---


@router.get("/")
@may(Permission.SEE_CASES)
def upload_page(
    request: Request,
    who: CurrentIdentity,
    cases: CaseReader,
    reviews: ReviewReader,
    accounts: AccountReader,
    registry: RegistryReader,
    case: UUID | None = None,
) -> Response:
    recent = _case_rows(who, cases, reviews, accounts, limit=RECENT_CASES)[0]
    into = contexts.case_ref(cases.case(who, case)) if case else None
    page = pages.UploadPage(
        can_upload=Permission.UPLOAD in who.permissions,
        newcomer=not recent,
        into_case=into,
        accession="",
        recent=recent,
    )
    return _page(request, registry, page)


@router.post("/sample")
@may(Permission.UPLOAD, needs_engine=True)
async def sample(services: ServicesDep, who: CurrentIdentity, request_id: RequestId) -> Response:
    """Draw a cell and take it in like any upload; its case is marked as drawn."""
    png = await anyio.to_thread.run_sync(lambda: encode_png(draw_cell(1)))
    cell, _ = await services.intake.predict(who, Upload(png), Target(drawn=True), request_id)
    return RedirectResponse(f"/cells/{cell.id}", 303)


# --- cases and cells ---


@router.get("/cases")
@may(Permission.SEE_CASES)
def cases_page(
    request: Request,
    who: CurrentIdentity,
    cases: CaseReader,
    reviews: ReviewReader,
    accounts: AccountReader,
    registry: RegistryReader,
    q: Annotated[str, Query(max_length=64)] = "",
    state: str = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    wanted = next((each for each in CaseState if each == state), None)
    rows, next_cursor = _case_rows(
        who, cases, reviews, accounts, search=q.strip(), state=wanted, cursor=cursor
    )
    counts = cases.state_counts(who, q.strip())
    page = pages.CasesPage(
        rows=rows,
        search=q,
        state=wanted,
        state_counts=tuple(pages.StateCount(each, counts.get(each, 0)) for each in CaseState),
        total=counts.get(wanted, 0) if wanted else sum(counts.values()),
        cursor=cursor,
        next_cursor=next_cursor,
    )
    return _page(request, registry, page)


@router.get("/cases/{case_id}")
@may(Permission.SEE_CASES)
def case_page(
    request: Request,
    case_id: UUID,
    who: CurrentIdentity,
    cases: CaseReader,
    reviews: ReviewReader,
    accounts: AccountReader,
    registry: RegistryReader,
) -> Response:
    view = _case_view(who, case_id, cases, reviews, accounts)
    return _page(request, registry, contexts.case_page(view, can_upload=Permission.UPLOAD in who.permissions))


@router.get("/cases/{case_id}/tiles")
@may(Permission.SEE_CASES)
def case_tiles(
    request: Request,
    case_id: UUID,
    who: CurrentIdentity,
    cases: CaseReader,
    reviews: ReviewReader,
    accounts: AccountReader,
    registry: RegistryReader,
) -> Response:
    view = _case_view(who, case_id, cases, reviews, accounts)
    return _page(request, registry, pages.GalleryPartial(contexts.gallery(view)))


@router.get("/cells/{cell_id}")
@may(Permission.SEE_CASES)
def cell_page(
    request: Request,
    cell_id: UUID,
    who: CurrentIdentity,
    cases: CaseReader,
    reviews: ReviewReader,
    registry: RegistryReader,
) -> Response:
    cell = cases.cell(who, cell_id)
    case = cases.case(who, cell.case_id)
    before, after = cases.neighbours(cell)
    page = pages.CellPage(
        case=contexts.case_ref(case),
        position=cell.position,
        cells=cases.counts(case).cells,
        uploaded_at=cell.created_at,
        image_sha256=cell.image_sha256,
        previous_cell_id=str(before) if before else None,
        next_cell_id=str(after) if after else None,
        result=_result(who, cell, cases, registry),
        panel=_panel(who, cell, reviews, after),
    )
    return _page(request, registry, page)


@router.get("/cells/{cell_id}/result")
@may(Permission.SEE_CASES)
def cell_result(
    request: Request, cell_id: UUID, who: CurrentIdentity, cases: CaseReader, registry: RegistryReader
) -> Response:
    result = _result(who, cases.cell(who, cell_id), cases, registry)
    return _page(request, registry, pages.ResultPartial(result))


@router.post("/cells/{cell_id}/verdict")
@may(Permission.GIVE_VERDICT)
def give_verdict(
    request: Request,
    cell_id: UUID,
    who: CurrentIdentity,
    services: ServicesDep,
    verdict: Annotated[Verdict, Form()],
    seen_version: Annotated[int, Form(ge=0)],
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    conflict: str | None = None
    try:
        with services.database.unit_of_work() as session:
            ReviewService(session, services.now()).give_verdict(who, cell_id, verdict, note, seen_version)
    except Conflict as newer:
        conflict = newer.detail
    if "hx-request" not in request.headers and conflict is None:
        return RedirectResponse(f"/cells/{cell_id}", 303)
    return _verdict_partial(request, who, services, cell_id, note, conflict)


def _verdict_partial(
    request: Request, who: Identity, services: Services, cell_id: UUID, note: str, conflict: str | None
) -> Response:
    """The panel after a verdict; a refused one keeps its note in the form."""
    with services.database.reading() as session:
        cases, reviews = CaseService(session, services.now()), ReviewService(session, services.now())
        registry = RegistryService(session, services.stores, services.now())
        cell = cases.cell(who, cell_id)
        panel = contexts.verdict_panel(
            cell,
            reviews.history(cell),
            cases.neighbours(cell)[1],
            may_judge=True,
            note=note if conflict else "",
            conflict=conflict,
            just_saved=conflict is None,
        )
        return _page(request, registry, pages.VerdictPartial(panel), status=409 if conflict else 200)


# --- models ---


@router.get("/models")
@may(Permission.SEE_MODELS)
def models_page(request: Request, registry: RegistryReader) -> Response:
    rows = tuple(contexts.model_row(entry, registry.manifest_or_none(entry)) for entry in registry.overview())
    return _page(request, registry, pages.ModelsPage(rows))


@router.get("/models/{name}/{version}")
@may(Permission.SEE_MODELS)
def model_page(request: Request, name: str, version: str, registry: RegistryReader) -> Response:
    entry = registry.entry(name, version)
    try:
        page = contexts.model_page(entry, registry.bundle(name, version), None)
    except LeukolensError as trouble:
        page = contexts.model_page(entry, None, trouble.detail)
    return _page(request, registry, page)


# --- accounts ---


@router.get("/login")
@open_to_all
def login_page(request: Request, visitor: Visitor, next: str = "/") -> Response:
    if visitor is not None:
        return RedirectResponse(_local(next), 303)
    return _page(request, None, pages.LoginPage(next=_local(next)))


@router.post("/login")
@open_to_all
def login(
    request: Request,
    accounts: AccountReader,
    services: ServicesDep,
    email: Annotated[str, Form(max_length=254)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    try:
        user = accounts.check_password(email, password)
    except NotAuthenticated as wrong:
        return _page(request, None, pages.LoginPage(_local(next), email, wrong.detail), status=401)
    return _signed_in(services, user.id, _local(next))


@router.post("/logout")
@open_to_all
def logout(request: Request, services: ServicesDep) -> Response:
    cookie = session_cookie(request)
    if cookie is not None:
        with services.database.unit_of_work() as session:
            AccountService(session, services.settings.secret, services.now()).logout(cookie)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE)
    response.delete_cookie(SECURE_SESSION_COOKIE, secure=True)
    return response


@router.get("/setup/{token}")
@open_to_all
def setup_page(request: Request, token: str, accounts: AccountReader) -> Response:
    if not accounts.setup_is_open(token):
        raise NotFound("This link has been used or has expired. Restart the server to get a new one.")
    return _page(request, None, pages.SetupPage(token, min_password_length=MIN_PASSWORD_CHARACTERS))


@router.post("/setup/{token}")
@open_to_all
def setup(
    request: Request,
    token: str,
    services: ServicesDep,
    email: Annotated[str, Form(max_length=254)],
    name: Annotated[str, Form(max_length=100)],
    password: Annotated[str, Form(max_length=1000)],
) -> Response:
    try:
        with services.database.unit_of_work() as session:
            accounts = AccountService(session, services.settings.secret, services.now())
            user = accounts.create_first_admin(token, email, name, password)
    except BadRequest as wrong:
        errors = (pages.FieldError(_field(wrong.detail), wrong.detail),)
        page = pages.SetupPage(token, email, name, errors, MIN_PASSWORD_CHARACTERS)
        return _page(request, None, page, status=422)
    return _signed_in(services, user.id, "/")


@router.get("/admin")
@may(Permission.MANAGE_ACCOUNTS)
def admin_page(request: Request, accounts: AccountReader, registry: RegistryReader) -> Response:
    seen = accounts.last_seen()
    users = tuple(
        pages.UserRow(
            user.name, user.email, user.role, user.disabled_at is None, user.created_at, seen.get(user.id)
        )
        for user in accounts.users()
    )
    keys = tuple(
        pages.KeyRow(str(key.id), key.name, tuple(key.scopes.split()), key.created_at, None, key.revoked_at)
        for key in accounts.api_keys()
    )
    return _page(request, registry, pages.AdminPage(users, keys))


# --- the API's description, for people ---


@router.get("/openapi.json", response_class=JSONResponse)
@open_to_all
def openapi(request: Request) -> Response:
    return JSONResponse(request.app.openapi())


# --- shared ---


def render_error_page(request: Request, error: LeukolensError) -> Response:
    """A refusal as a page; a stranger who asked for a page is sent to sign in."""
    if (
        isinstance(error, NotAuthenticated)
        and request.method == "GET"
        and "hx-request" not in request.headers
    ):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(path)}", 303)
    page = pages.ErrorPage(error.status, error.title, error.detail, error.code, what_to_do(error.code))
    return _page(request, None, page, status=error.status)


def _page(
    request: Request, registry: RegistryService | None, page: pages.Context, *, status: int = 200
) -> HTMLResponse:
    return HTMLResponse(render(_chrome(request, registry), page), status)


def _chrome(request: Request, registry: RegistryService | None) -> pages.Chrome:
    who: Identity | None = getattr(request.state, "identity", None)
    active = registry.active() if registry else None
    user = pages.SignedIn(who.name, who.role) if who is not None and who.role is not None else None
    return pages.Chrome(
        path=request.url.path,
        user=user,
        model=pages.ModelRef(active.name, active.version) if active else None,
        environment_warning=ENVIRONMENT_WARNING if request.app.state.settings.insecure_http else None,
    )


def _case_rows(
    who: Identity,
    cases: CaseService,
    reviews: ReviewService,
    accounts: AccountReader,
    *,
    search: str = "",
    state: CaseState | None = None,
    cursor: str | None = None,
    limit: int = 25,
) -> tuple[tuple[pages.CaseRow, ...], str | None]:
    found = cases.cases(who, search=search, state=state, cursor=cursor, limit=limit)
    labels, judged = cases.label_counts(found.cases), reviews.judged_counts(found.cases)
    names = accounts.names({case.created_by for case in found.cases})
    rows = tuple(
        contexts.case_row(
            case, found.counts[case.id], labels[case.id], judged[case.id], names.get(case.created_by)
        )
        for case in found.cases
    )
    return rows, found.next_cursor


def _case_view(
    who: Identity, case_id: UUID, cases: CaseService, reviews: ReviewService, accounts: AccountReader
) -> contexts.CaseView:
    case = cases.case(who, case_id)
    cells = cases.cells(case)
    created_by = accounts.names({case.created_by}).get(case.created_by)
    return contexts.CaseView(case, cells, cases.latest_predictions(cells), reviews.latest(cells), created_by)


def _result(who: Identity, cell: Cell, cases: CaseService, registry: RegistryService) -> pages.CellResult:
    prediction = cases.latest_predictions([cell]).get(cell.id)
    recipe: Preprocessing | None = None
    if prediction is not None:
        recipe = registry.manifest(model_of(prediction)).preprocessing
    return contexts.cell_result(cases.case(who, cell.case_id), cell, prediction, recipe)


def _panel(who: Identity, cell: Cell, reviews: ReviewService, after: UUID | None) -> pages.VerdictPanel:
    may_judge = Permission.GIVE_VERDICT in who.permissions
    return contexts.verdict_panel(cell, reviews.history(cell), after, may_judge=may_judge)


def _signed_in(services: Services, user_id: UUID, target: str) -> Response:
    with services.database.unit_of_work() as session:
        token = AccountService(session, services.settings.secret, services.now()).open_session(user_id)
    response = RedirectResponse(target, 303)
    secure = services.settings.secure_cookies
    name = SECURE_SESSION_COOKIE if secure else SESSION_COOKIE
    response.set_cookie(name, token, secure=secure, httponly=True, samesite="lax", path="/")
    return response


def _local(target: str) -> str:
    """A path of this server, whatever a link says: never another host."""
    parts = urlsplit(target)
    inside = (
        not parts.scheme
        and not parts.netloc
        and target.startswith("/")
        and not target.startswith(("//", "/\\"))
    )
    return target if inside else "/"


def _field(detail: str) -> str:
    """Which field of the setup form a refusal is about."""
    for field, word in (("password", "password"), ("email", "e-mail"), ("name", "name")):
        if word in detail:
            return field
    return "email"
