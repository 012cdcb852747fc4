"""Signing in and out, the first admin, and the list of accounts."""

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from app.accounts.permissions import Permission
from app.accounts.service import MIN_PASSWORD_CHARACTERS, AccountService
from app.errors import BadRequest, NotAuthenticated, NotFound
from app.guard import SECURE_SESSION_COOKIE, SESSION_COOKIE, GuardedRoute, may, open_to_all, session_cookie
from app.services import Services
from app.web import page_contexts as pages
from app.web.visit import VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

Email = Annotated[str, Form(max_length=254)]
Password = Annotated[str, Form(max_length=1000)]


@router.get("/login")
@open_to_all
def login_page(visit: VisitDep, next: str = "/") -> Response:
    if visit.visitor is not None:
        return RedirectResponse(local_path(next), 303)
    return visit.page(pages.LoginPage(next=local_path(next)))


@router.post("/login")
@open_to_all
def login(
    visit: VisitDep, email: Email, password: Password, next: Annotated[str, Form(max_length=2000)] = "/"
) -> Response:
    try:
        user = visit.accounts.check_password(email, password)
    except NotAuthenticated as wrong:
        return visit.page(pages.LoginPage(local_path(next), email, wrong.detail), status=401)
    return _signed_in(visit.services, user.id, local_path(next))


@router.post("/logout")
@open_to_all
def logout(visit: VisitDep) -> Response:
    cookie = session_cookie(visit.request)
    if cookie is not None:
        with visit.services.database.unit_of_work() as session:
            AccountService(session, visit.services.settings.secret, visit.services.now()).logout(cookie)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(SESSION_COOKIE)
    response.delete_cookie(SECURE_SESSION_COOKIE, secure=True)
    return response


@router.get("/setup/{token}")
@open_to_all
def setup_page(visit: VisitDep, token: str) -> Response:
    if not visit.accounts.setup_is_open(token):
        raise NotFound("This link has been used or has expired. Restart the server to get a new one.")
    return visit.page(pages.SetupPage(token, min_password_length=MIN_PASSWORD_CHARACTERS))


@router.post("/setup/{token}")
@open_to_all
def setup(
    visit: VisitDep, token: str, email: Email, name: Annotated[str, Form(max_length=100)], password: Password
) -> Response:
    services = visit.services
    try:
        with services.database.unit_of_work() as session:
            accounts = AccountService(session, services.settings.secret, services.now())
            user = accounts.create_first_admin(token, email, name, password)
    except BadRequest as wrong:
        errors = (pages.FieldError(wrong.field or "email", wrong.detail),)
        return visit.page(pages.SetupPage(token, email, name, errors, MIN_PASSWORD_CHARACTERS), status=422)
    return _signed_in(services, user.id, "/")


@router.get("/admin")
@may(Permission.MANAGE_ACCOUNTS)
def admin_page(visit: VisitDep) -> Response:
    accounts = visit.accounts
    seen = accounts.last_seen()
    users = tuple(
        pages.UserRow(
            user.name, user.email, user.role, user.disabled_at is None, user.created_at, seen.get(user.id)
        )
        for user in accounts.users()
    )
    keys = tuple(
        pages.KeyRow(
            str(key.id),
            key.name,
            tuple(key.scopes.split()),
            key.created_at,
            key.last_used_at,
            key.revoked_at,
        )
        for key in accounts.api_keys()
    )
    return visit.page(pages.AdminPage(users, keys))


def _signed_in(services: Services, user_id: UUID, target: str) -> Response:
    with services.database.unit_of_work() as session:
        accounts = AccountService(session, services.settings.secret, services.now())
        token = accounts.open_session(user_id)
    response = RedirectResponse(target, 303)
    secure = services.settings.secure_cookies
    name = SECURE_SESSION_COOKIE if secure else SESSION_COOKIE
    response.set_cookie(name, token, secure=secure, httponly=True, samesite="lax", path="/")
    return response


def local_path(target: str) -> str:
    """A path of this server, whatever a link says: never another host."""
    parts = urlsplit(target)
    inside = (
        not parts.scheme
        and not parts.netloc
        and target.startswith("/")
        and not target.startswith(("//", "/\\"))
    )
    return target if inside else "/"
