"""A refusal as a page."""

from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from app.errors import LeukolensError, NotAuthenticated
from app.web import page_contexts as pages
from app.web.visit import draw_unguarded
from app.web.words import what_to_do


def render_error_page(request: Request, error: LeukolensError) -> Response:
    """A refusal in words and with the next step; a stranger who asked for a page is sent to sign in."""
    wants_part = "hx-request" in request.headers
    if isinstance(error, NotAuthenticated) and request.method == "GET" and not wants_part:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(path)}", 303)
    page = pages.ErrorPage(error.status, error.title, error.detail, error.code, what_to_do(error.code))
    return draw_unguarded(request, page, error.status)
