"""Refusals as answers: problem documents (RFC 9457) for systems, a page for people. Never a stack trace."""

import uuid
from collections.abc import Callable

import anyio.to_thread
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.errors import (
    BadRequest,
    LeukolensError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    TooLarge,
    shortage,
)

log = structlog.get_logger()

RenderErrorPage = Callable[[Request, LeukolensError], Response]


class MethodNotAllowed(LeukolensError):
    status, code, title = 405, "method_not_allowed", "This address does not do that"


class InternalError(LeukolensError):
    pass


def problem(error: LeukolensError) -> JSONResponse:
    """The problem document of a refusal."""
    body = {
        "type": f"urn:leukolens:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    return JSONResponse(body, error.status, _headers(error), media_type="application/problem+json")


def add_error_handlers(app: FastAPI, render_page: RenderErrorPage) -> None:
    """Answer every refusal in the asker's form: JSON below `/api` and for probes, a page elsewhere."""

    async def answer(request: Request, error: LeukolensError) -> Response:
        if wants_json(request):
            return problem(error)
        response = await anyio.to_thread.run_sync(render_page, request, error)
        response.headers.update(_headers(error))
        return response

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, LeukolensError)
        return await answer(request, error)

    async def from_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return await answer(request, _translated(error))

    async def from_system(request: Request, error: Exception) -> Response:
        assert isinstance(error, OSError)
        refusal = shortage(error)
        if refusal is None:
            return await unexpected(request, error)
        log.error("system_call_failed", errno=error.errno, code=refusal.code)
        return await answer(request, refusal)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        places = "; ".join(
            f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}" for entry in error.errors()[:5]
        )
        return await answer(request, BadRequest(places or "The request does not have the documented form."))

    async def unexpected(request: Request, error: Exception) -> Response:
        incident = uuid.uuid4().hex[:12]
        log.error("unexpected_error", incident=incident, kind=type(error).__name__, exc_info=error)
        return await answer(
            request, InternalError(f"The incident is logged as {incident}. Send the request again.")
        )

    app.add_exception_handler(LeukolensError, refused)
    app.add_exception_handler(HTTPException, from_framework)
    app.add_exception_handler(OSError, from_system)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unexpected)


def wants_json(request: Request) -> bool:
    path = request.url.path
    return path.startswith("/api/") or path in ("/livez", "/readyz", "/openapi.json")


def _headers(error: LeukolensError) -> dict[str, str]:
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def _translated(error: HTTPException) -> LeukolensError:
    # The framework calls whatever stops it while it reads a body a bad request.
    if isinstance(error.__cause__, LeukolensError):
        return error.__cause__
    if isinstance(error.__cause__, OSError) and (refusal := shortage(error.__cause__)):
        return refusal
    known: dict[int, tuple[type[LeukolensError], str]] = {
        401: (NotAuthenticated, "Sign in, or send `Authorization: Bearer KEY`."),
        403: (NotAllowed, "This account or key may not do that."),
        404: (NotFound, "There is nothing at this address."),
        405: (MethodNotAllowed, "See the API's description for what this address takes."),
        413: (TooLarge, "Send fewer or smaller files in one request."),
    }
    kind, detail = known.get(error.status_code, (BadRequest, str(error.detail)))
    return kind(detail)
