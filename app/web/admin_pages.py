"""What an admin looks after: accounts, keys, sessions and sites. Every change is a plain form, so no script is needed."""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from app.accounts.keys import KeyService
from app.accounts.passwords import MIN_PASSWORD_CHARACTERS
from app.accounts.permissions import Permission, Role, Scope
from app.accounts.service import AccountService
from app.accounts.sessions import SessionService
from app.errors import BadRequest, Conflict, LeukolensError
from app.guard import GuardedRoute, may, session_cookie
from app.web import page_contexts as pages
from app.web.visit import Visit, VisitDep

router = APIRouter(prefix="/admin", route_class=GuardedRoute, include_in_schema=False)

OVERLAP: Final = timedelta(days=7)
"""How long a rotated key works on."""

Name = Annotated[str, Form(max_length=200)]


@router.get("")
@may(Permission.MANAGE_ACCOUNTS)
def accounts_page(visit: VisitDep) -> Response:
    return visit.page(_accounts_page(visit))


@router.post("/accounts")
@may(Permission.MANAGE_ACCOUNTS)
def add_account(
    visit: VisitDep,
    name: Name,
    email: Annotated[str, Form(max_length=254)],
    role: Annotated[Role, Form()],
    password: Annotated[str, Form(max_length=1000)],
) -> Response:
    try:
        with visit.services.database.unit_of_work() as session:
            accounts = AccountService(session, *visit.secret_and_now, visit.who)
            site = accounts.site_of(visit.who)
            accounts.add_user(email, name, password, role, site)
    except (BadRequest, Conflict) as refused:
        new = pages.NewAccount(email, name, role)
        return visit.page(_accounts_page(visit, new, _errors(refused, "email")), status=refused.status)
    return RedirectResponse("/admin?done=account-added", 303)


@router.post("/accounts/{user_id}/role")
@may(Permission.MANAGE_ACCOUNTS)
def set_role(visit: VisitDep, user_id: UUID, role: Annotated[Role, Form()]) -> Response:
    with visit.services.database.unit_of_work() as session:
        accounts = AccountService(session, *visit.secret_and_now, visit.who)
        accounts.set_role(accounts.colleague(visit.who, user_id), role)
    return RedirectResponse("/admin?done=role-set", 303)


@router.post("/accounts/{user_id}/disable")
@may(Permission.MANAGE_ACCOUNTS)
def disable_account(visit: VisitDep, user_id: UUID) -> Response:
    with visit.services.database.unit_of_work() as session:
        accounts = AccountService(session, *visit.secret_and_now, visit.who)
        accounts.disable(accounts.colleague(visit.who, user_id))
    return RedirectResponse("/admin?done=account-disabled", 303)


@router.get("/keys")
@may(Permission.MANAGE_ACCOUNTS)
def keys_page(visit: VisitDep) -> Response:
    return visit.page(_keys_page(visit))


@router.post("/keys")
@may(Permission.MANAGE_ACCOUNTS)
def make_key(
    visit: VisitDep,
    name: Name,
    scopes: Annotated[list[Scope], Form()] = [],  # noqa: B006  # FastAPI copies a default
    days: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    """The answer itself shows the secret: after a redirect it would have to be kept somewhere."""
    try:
        lives = timedelta(days=int(days)) if days else None
        with visit.services.database.unit_of_work() as session:
            site = AccountService(session, *visit.secret_and_now).site_of(visit.who)
            keys = KeyService(session, *visit.secret_and_now, visit.who)
            key, secret = keys.create(site, name, scopes, lives)
    except BadRequest as refused:
        return visit.page(_keys_page(visit, name=name, errors=_errors(refused, "name")), status=422)
    return visit.page(_keys_page(visit, made=pages.MadeKey(key.name, secret)), status=201)


@router.post("/keys/{key_id}/rotate")
@may(Permission.MANAGE_ACCOUNTS)
def rotate_key(visit: VisitDep, key_id: UUID) -> Response:
    try:
        with visit.services.database.unit_of_work() as session:
            keys = KeyService(session, *visit.secret_and_now, visit.who)
            key, secret = keys.rotate(keys.key(key_id, visit.who.site_id), OVERLAP)
    except Conflict as refused:
        return visit.page(_keys_page(visit, trouble=refused.detail), status=409)
    return visit.page(_keys_page(visit, made=pages.MadeKey(key.name, secret)), status=201)


@router.post("/keys/{key_id}/revoke")
@may(Permission.MANAGE_ACCOUNTS)
def revoke_key(visit: VisitDep, key_id: UUID) -> Response:
    with visit.services.database.unit_of_work() as session:
        keys = KeyService(session, *visit.secret_and_now, visit.who)
        keys.revoke(keys.key(key_id, visit.who.site_id))
    return RedirectResponse("/admin/keys?done=key-revoked", 303)


@router.get("/sessions")
@may(Permission.MANAGE_ACCOUNTS)
def sessions_page(visit: VisitDep) -> Response:
    sessions = SessionService(visit.session, *visit.secret_and_now)
    here = session_cookie(visit.request) or ""
    rows = tuple(
        pages.OpenSession(
            str(login.id),
            user.name,
            user.email,
            login.created_at,
            login.last_seen_at,
            login.address,
            sessions.holds(here, login),
        )
        for login, user in sessions.of_site(visit.who)
    )
    return visit.page(pages.SessionsPage(rows))


@router.post("/sessions/{session_id}/end")
@may(Permission.MANAGE_ACCOUNTS)
def end_session(visit: VisitDep, session_id: UUID) -> Response:
    with visit.services.database.unit_of_work() as session:
        SessionService(session, *visit.secret_and_now).end_at_site(visit.who, session_id)
    return RedirectResponse("/admin/sessions?done=session-ended", 303)


@router.get("/sites")
@may(Permission.MANAGE_ACCOUNTS)
def sites_page(visit: VisitDep) -> Response:
    return visit.page(_sites_page(visit))


@router.post("/sites")
@may(Permission.MANAGE_ACCOUNTS)
def add_site(visit: VisitDep, name: Name) -> Response:
    try:
        with visit.services.database.unit_of_work() as session:
            AccountService(session, *visit.secret_and_now, visit.who).add_site(name)
    except (BadRequest, Conflict) as refused:
        return visit.page(_sites_page(visit, name, _errors(refused, "name")), status=refused.status)
    return RedirectResponse("/admin/sites?done=site-added", 303)


def _accounts_page(
    visit: Visit, new: pages.NewAccount | None = None, errors: tuple[pages.FieldError, ...] = ()
) -> pages.AccountsPage:
    seen = visit.accounts.last_seen()
    users = tuple(
        pages.UserRow(
            str(user.id),
            user.name,
            user.email,
            user.role,
            user.disabled_at is None,
            user.created_at,
            seen.get(user.id),
            own=user.id == visit.who.id,
        )
        for user in visit.accounts.users(visit.who.site_id)
    )
    return pages.AccountsPage(
        users, new or pages.NewAccount(), errors, min_password_length=MIN_PASSWORD_CHARACTERS
    )


def _keys_page(
    visit: Visit,
    *,
    made: pages.MadeKey | None = None,
    name: str = "",
    errors: tuple[pages.FieldError, ...] = (),
    trouble: str | None = None,
) -> pages.KeysPage:
    with visit.services.database.reading() as session:  # a key made by this request is in no earlier snapshot
        keys = KeyService(session, *visit.secret_and_now)
        rows = tuple(
            pages.KeyRow(
                str(key.id),
                key.name,
                tuple(key.scopes.split()),
                key.created_at,
                key.last_used_at,
                key.expires_at,
                key.revoked_at,
                keys.is_live(key),
            )
            for key in keys.all(visit.who.site_id)
        )
    return pages.KeysPage(rows, made, name, errors, trouble)


def _sites_page(visit: Visit, name: str = "", errors: tuple[pages.FieldError, ...] = ()) -> pages.SitesPage:
    rows = tuple(pages.SiteRow(site.name, site.id == visit.who.site_id) for site in visit.accounts.sites())
    return pages.SitesPage(rows, name, errors)


def _errors(refused: LeukolensError, field: str) -> tuple[pages.FieldError, ...]:
    """The refusal beside its field, or beside `field` where it names none."""
    named = refused.field if isinstance(refused, BadRequest) else None
    return (pages.FieldError(named or field, refused.detail),)
