"""Who may call a route, decided before one byte of the body is read.

Every endpoint carries a policy, given by `@open_to_all` or `@may(...)`; a route without one cannot be built.
`GuardedRoute` asks, in this order: is the request from our own pages (when it changes something with a cookie),
is there room, who is it, may they, and was this very request answered before.
"""

import hashlib
import hmac
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import UploadFile

from app.accounts.keys import KeyService
from app.accounts.permissions import Identity, Permission
from app.accounts.sessions import SessionService
from app.content_digest import with_checked_body
from app.errors import LeukolensError, NotAllowed, NotAuthenticated, StillRunning
from app.idempotency.service import Answer, IdempotencyService
from app.responses import problem
from app.services import Services

SESSION_COOKIE = "leukolens_session"
SECURE_SESSION_COOKIE = "__Host-leukolens_session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_FILES = 1000

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True)
class Policy:
    """permission: None for everybody. needs_engine: holds a place, and gets 503 while all are taken."""

    permission: Permission | None
    needs_engine: bool = False


def may(permission: Permission, *, needs_engine: bool = False) -> Callable[[Endpoint], Endpoint]:
    """Declare that the endpoint asks for a permission."""
    return _declare(Policy(permission, needs_engine))


def open_to_all(endpoint: Endpoint) -> Endpoint:
    """Declare that anybody may call the endpoint."""
    return _declare(Policy(None))(endpoint)


def _declare(policy: Policy) -> Callable[[Endpoint], Endpoint]:
    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.__policy__ = policy  # type: ignore[attr-defined]
        return endpoint

    return mark


class GuardedRoute(APIRoute):
    """A route that asks its policy first.

    Raises:
        TypeError: while building, when the endpoint declares no policy.
    """

    def get_route_handler(self) -> Handler:
        policy: Policy | None = getattr(self.endpoint, "__policy__", None)
        if policy is None:
            raise TypeError(f"{self.path} declares no policy: add @may(...) or @open_to_all to its endpoint.")
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            services: Services = request.app.state.services
            refuse_foreign_pages(request)
            # The place comes first: a thousand look-ups of a thousand keys are what refusals would wait for.
            with services.admission.place() if policy.needs_engine else nullcontext():
                identity = await anyio.to_thread.run_sync(identify, request, services)
                request.state.identity = identity
                request.state.request_id = None
                if policy.permission is not None:
                    if identity is None:
                        raise NotAuthenticated("Sign in, or send `Authorization: Bearer KEY`.")
                    if policy.permission not in identity.permissions:
                        raise NotAllowed(
                            f"{identity.name} may not do this: {policy.permission.name.lower()}."
                        )
                request = with_checked_body(request)
                key = request.headers.get("idempotency-key")
                if key is None or identity is None or request.method != "POST":
                    return await handle(request)
                return await _once(handle, request, services, identity, key)

        return guarded


def refuse_foreign_pages(request: Request) -> None:
    """Refuse a change that another site's page asks our user's browser for.

    Requests with a key carry no cookie authority and pass. Browsers say where a request comes from in
    `Sec-Fetch-Site`, older ones in `Origin`; a caller that sends neither is no browser.

    Raises:
        NotAllowed: the request comes from another origin.
    """
    if request.method in SAFE_METHODS or _bearer(request) is not None:
        return
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        foreign = site not in ("same-origin", "none")
    else:
        origin = request.headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign:
        raise NotAllowed("This change was asked for by a page of another site. Open Leukolens itself.")


def identify(request: Request, services: Services) -> Identity | None:
    """Who is asking. A key wins over a cookie; a wrong key is not forgiven because of a good cookie."""
    bearer = _bearer(request)
    cookie = session_cookie(request)
    if bearer is None and cookie is None:
        return None
    now = services.now()
    secret = services.settings.secret
    with services.database.reading() as session:
        if bearer is not None:
            found = KeyService(session, secret, now).identify(bearer)
        else:
            found = SessionService(session, secret, now).identify(cookie or "")
    if found is None:
        if bearer is not None:
            services.sign_in.count_wrong_key(address_of(request))
            raise NotAuthenticated("This key is unknown, expired or revoked.")
        return None
    identity, touch = found
    if touch:
        with services.database.unit_of_work() as session:
            if bearer is not None:
                KeyService(session, secret, now).touch(identity.id)
            else:
                SessionService(session, secret, now).touch(cookie or "")
    return identity


def session_cookie(request: Request) -> str | None:
    return request.cookies.get(SECURE_SESSION_COOKIE) or request.cookies.get(SESSION_COOKIE)


def address_of(request: Request) -> str:
    """Where a request comes from; behind a proxy that the server trusts, what the proxy says."""
    return request.client.host if request.client else ""


def _bearer(request: Request) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


async def _once(handle: Handler, request: Request, services: Services, who: Identity, key: str) -> Response:
    """Run a keyed request, or replay what it answered before."""
    digest = await request_digest(request, services.settings.secret)

    def begin() -> tuple[Any, Answer | None]:
        with services.database.unit_of_work() as session:
            turn = IdempotencyService(session, services.now()).begin(who.id, key, digest)
            return turn.request_id, turn.answer

    request_id, kept = await anyio.to_thread.run_sync(begin)
    if kept is not None:
        headers = {"Idempotent-Replayed": "true"}
        return Response(kept.body, kept.status, headers, media_type=kept.content_type)
    request.state.request_id = request_id
    answer: Answer | None = None
    try:
        response = await handle(request)
        if response.status_code < 500:
            body = bytes(response.body)
            answer = Answer(response.status_code, response.headers.get("content-type", ""), body)
        return response
    except LeukolensError as refusal:
        # A refusal for good is this request's answer, too; a passing one leaves the key open.
        if refusal.status < 500 and refusal.retry_after_s is None and not isinstance(refusal, StillRunning):
            refused = problem(refusal)
            answer = Answer(refused.status_code, refused.media_type or "", bytes(refused.body))
        raise
    finally:
        await anyio.to_thread.run_sync(_end_turn, services, request_id, answer)


def _end_turn(services: Services, request_id: Any, answer: Answer | None) -> None:
    with services.database.unit_of_work() as session:
        service = IdempotencyService(session, services.now())
        if answer is None:
            service.release(request_id)
        else:
            service.finish(request_id, answer)


async def request_digest(request: Request, secret: bytes) -> str:
    """HMAC-SHA-256 of what a request says: method, path, and its body by parsed parts.

    Keyed, because it is kept and a body may hold the password of a signer. A retried multipart request has another
    boundary, so its bytes differ though it says the same.
    """
    digest = hmac.new(
        secret, f"{request.method} {request.url.path}?{request.url.query}\0".encode(), hashlib.sha256
    )
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        form = await request.form(max_files=MAX_FILES)
        for name, part in form.multi_items():
            await _add_part(digest, name, part)
    else:
        digest.update(await request.body())
    return digest.hexdigest()


async def _add_part(digest: Any, name: str, part: UploadFile | str) -> None:
    if isinstance(part, str):
        content, filename = part.encode(), ""
    else:
        content, filename = await part.read(), part.filename or ""
        await part.seek(0)
    for piece in (name.encode(), filename.encode(), content):
        digest.update(len(piece).to_bytes(8, "big") + piece)
