"""The HTML skin: pages, their typed contexts, templates and static files."""

from app.web.pages import render_error_page, router
from app.web.rendering import STATIC_DIR

__all__ = ["STATIC_DIR", "render_error_page", "router"]
