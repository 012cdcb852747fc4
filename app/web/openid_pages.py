"""Signing in at the OpenID provider that the settings name: the way out and the way back."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts.service import AccountService
from app.errors import NotAllowed, NotFound
from app.guard import GuardedRoute, address_of, open_to_all
from app.services import Services
from app.web.signed_in import local_path, signed_in
from app.web.visit import VisitDep

if TYPE_CHECKING:
    from app.accounts.openid import OpenIdProvider

OPENID_COOKIE = "leukolens_openid"
OPENID_COOKIE_S = 600
DEPARTURE = "/login/openid"
ARRIVAL = "/login/openid/callback"

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get(DEPARTURE)
@open_to_all
def depart(visit: VisitDep, next: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    services = visit.services
    provider = _provider(services)
    services.sign_in.count_departure(address_of(visit.request))
    departure = provider.depart(_back_here(visit.request), local_path(next))
    response = RedirectResponse(departure.url, 303)
    response.set_cookie(
        OPENID_COOKIE,
        departure.cookie,
        max_age=OPENID_COOKIE_S,
        secure=services.settings.secure_cookies,
        httponly=True,
        samesite="lax",
        path=DEPARTURE,
    )
    return response


@router.get(ARRIVAL)
@open_to_all
def arrive(
    visit: VisitDep,
    state: Annotated[str, Query(max_length=4000)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    services, request = visit.services, visit.request
    provider = _provider(services)
    try:
        cookie = request.cookies.get(OPENID_COOKIE, "")
        person, target = provider.arrive(cookie, state, code, _back_here(request), services.now())
        with services.database.unit_of_work() as session:
            accounts = AccountService(session, services.settings.secret, services.now())
            user = accounts.vouched_for(person.issuer, person.subject, person.email)
    except NotAllowed:
        services.sign_in.record_failure(None, address_of(request))
        raise
    response = signed_in(visit, user, local_path(target))
    response.delete_cookie(OPENID_COOKIE, path=DEPARTURE)
    return response


def _provider(services: Services) -> "OpenIdProvider":
    if services.openid is None:
        raise NotFound("No provider is set up here. Sign in with your password.")
    return services.openid


def _back_here(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}{ARRIVAL}"
