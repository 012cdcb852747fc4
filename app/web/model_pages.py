"""The registered models and their cards."""

from fastapi import APIRouter, Response

from app.accounts.permissions import Permission
from app.errors import Conflict, NotFound
from app.guard import GuardedRoute, may
from app.web import model_contexts as contexts
from app.web import page_contexts as pages
from app.web.visit import VisitDep

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/models")
@may(Permission.SEE_MODELS)
def models_page(visit: VisitDep) -> Response:
    registry = visit.registry
    rows = tuple(contexts.model_row(entry, registry.manifest_or_none(entry)) for entry in registry.overview())
    return visit.page(pages.ModelsPage(rows))


@router.get("/models/{name}/{version}")
@may(Permission.SEE_MODELS)
def model_page(visit: VisitDep, name: str, version: str) -> Response:
    """The card; every byte of the bundle is verified for this page."""
    entry = visit.registry.entry(name, version)
    try:
        return visit.page(contexts.model_page(entry, visit.registry.bundle(name, version), None))
    except (Conflict, NotFound) as trouble:
        return visit.page(contexts.model_page(entry, None, trouble.detail))
