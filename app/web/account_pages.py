"""Signing in and out, one's own account, and the first admin."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from app.accounts.passwords import MIN_PASSWORD_CHARACTERS
from app.accounts.permissions import Permission
from app.accounts.service import AccountService
from app.accounts.sessions import SessionService
from app.errors import BadRequest, NotAuthenticated, NotFound, RateLimited
from app.guard import (
    SECURE_SESSION_COOKIE,
    SESSION_COOKIE,
    GuardedRoute,
    address_of,
    may,
    open_to_all,
    session_cookie,
)
from app.web import page_contexts as pages
from app.web.signed_in import DEVICE_COOKIE, local_path, signed_in
from app.web.visit import Visit, VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

Email = Annotated[str, Form(max_length=254)]
Password = Annotated[str, Form(max_length=1000)]


@router.get("/login")
@open_to_all
def login_page(visit: VisitDep, next: str = "/") -> Response:
    if visit.visitor is not None:
        return RedirectResponse(local_path(next), 303)
    return visit.page(pages.LoginPage(local_path(next), has_provider=visit.services.openid is not None))


@router.post("/login")
@open_to_all
def login(
    visit: VisitDep, email: Email, password: Password, next: Annotated[str, Form(max_length=2000)] = "/"
) -> Response:
    request = visit.request
    try:
        device = request.cookies.get(DEVICE_COOKIE)
        user = visit.services.sign_in.check(email, password, address_of(request), device)
    except (NotAuthenticated, RateLimited) as refused:
        page = pages.LoginPage(local_path(next), email, refused.detail, visit.services.openid is not None)
        response = visit.page(page, status=refused.status)
        if refused.retry_after_s is not None:
            response.headers["Retry-After"] = str(refused.retry_after_s)
        return response
    return signed_in(visit, user, local_path(next))


@router.post("/logout")
@open_to_all
def logout(visit: VisitDep) -> Response:
    cookie = session_cookie(visit.request)
    if cookie is not None:
        with visit.services.database.unit_of_work() as session:
            SessionService(session, visit.services.settings.secret, visit.services.now()).end(cookie)
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
    return signed_in(visit, user, "/")


@router.get("/account")
@may(Permission.OWN_ACCOUNT)
def account_page(visit: VisitDep) -> Response:
    return visit.page(_account_page(visit))


@router.post("/account/password")
@may(Permission.OWN_ACCOUNT)
def change_password(visit: VisitDep, password: Password, new_password: Password) -> Response:
    """Every session of the account ends, and this browser gets a new one."""
    services = visit.services
    try:
        services.sign_in.confirm(visit.who, password, address_of(visit.request))
        with services.database.unit_of_work() as session:
            accounts = AccountService(session, services.settings.secret, services.now(), visit.who)
            user = accounts.colleague(visit.who, visit.who.id)
            accounts.set_password(user, new_password)
    except NotAuthenticated:
        wrong = pages.FieldError("password", "This is not your password.")
        return visit.page(_account_page(visit, wrong), status=422)
    except BadRequest as unusable:
        wrong = pages.FieldError("new_password", unusable.detail)
        return visit.page(_account_page(visit, wrong), status=422)
    return signed_in(visit, user, "/account")


@router.post("/account/sessions/{session_id}/end")
@may(Permission.OWN_ACCOUNT)
def end_own_session(visit: VisitDep, session_id: UUID) -> Response:
    services = visit.services
    with services.database.unit_of_work() as session:
        sessions = SessionService(session, services.settings.secret, services.now())
        sessions.end_own(visit.who, session_id)
    return RedirectResponse("/account", 303)


def _account_page(visit: Visit, *errors: pages.FieldError) -> pages.AccountPage:
    user = visit.accounts.colleague(visit.who, visit.who.id)
    sessions = SessionService(visit.session, visit.services.settings.secret, visit.services.now())
    here = session_cookie(visit.request) or ""
    rows = tuple(
        pages.SessionRow(
            str(login.id), login.created_at, login.last_seen_at, login.address, sessions.holds(here, login)
        )
        for login in sessions.of_user(user.id)
    )
    return pages.AccountPage(user.name, user.email, user.role, rows, errors, MIN_PASSWORD_CHARACTERS)
