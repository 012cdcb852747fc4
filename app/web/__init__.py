"""The HTML skin: pages, their typed contexts, templates and static files."""

from fastapi import APIRouter

from app.web import (
    account_pages,
    admin_pages,
    audit_pages,
    case_pages,
    case_work_pages,
    cell_pages,
    gallery_pages,
    guide_pages,
    intake_pages,
    message_pages,
    model_pages,
    monitoring_pages,
    openid_pages,
    reference_page,
)
from app.web.error_page import render_error_page
from app.web.rendering import STATIC_DIR

ROUTERS: tuple[APIRouter, ...] = (
    intake_pages.router,
    case_pages.router,
    gallery_pages.router,
    cell_pages.router,
    case_work_pages.router,
    model_pages.router,
    monitoring_pages.router,
    account_pages.router,
    admin_pages.router,
    audit_pages.router,
    message_pages.router,
    openid_pages.router,
    reference_page.router,
    guide_pages.router,
)

__all__ = ["ROUTERS", "STATIC_DIR", "render_error_page"]
