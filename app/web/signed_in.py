"""What happens once somebody has proved who they are, by password, first link or provider."""

from urllib.parse import urlsplit

from fastapi import Response
from fastapi.responses import RedirectResponse

from app.accounts.sessions import SessionService
from app.accounts.tables import User
from app.guard import SECURE_SESSION_COOKIE, SESSION_COOKIE, address_of, session_cookie
from app.web.visit import Visit

DEVICE_COOKIE = "leukolens_device"
DEVICE_COOKIE_S = 180 * 24 * 3600


def signed_in(visit: Visit, user: User, target: str) -> Response:
    """A new session, never the one the browser came with."""
    services, request = visit.services, visit.request
    with services.database.unit_of_work() as session:
        sessions = SessionService(session, services.settings.secret, services.now())
        token = sessions.open(user.id, address_of(request), instead_of=session_cookie(request))
    response = RedirectResponse(target, 303)
    secure = services.settings.secure_cookies
    name = SECURE_SESSION_COOKIE if secure else SESSION_COOKIE
    response.set_cookie(name, token, secure=secure, httponly=True, samesite="lax", path="/")
    response.set_cookie(
        DEVICE_COOKIE,
        services.sign_in.device_cookie(user.email),
        max_age=DEVICE_COOKIE_S,
        secure=secure,
        httponly=True,
        samesite="lax",
        path="/login",
    )
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
