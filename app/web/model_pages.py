"""The registered models, their cards, two of them side by side, and which one answers."""

from typing import Annotated

import anyio.from_thread
from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from app.accounts.permissions import Permission
from app.errors import Conflict, EngineUnavailable, NotFound
from app.guard import GuardedRoute, may
from app.registry.service import Activated, RegistryService, split_id
from app.web import model_contexts as contexts
from app.web import page_contexts as pages
from app.web.visit import Visit, VisitDep
from models.bundle import Bundle, Manifest

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

PICTURE_HEADERS = {
    "Cache-Control": "private, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
ModelId = Annotated[str, Query(max_length=90, description="NAME/VERSION")]
Reason = Annotated[str, Form(min_length=3, max_length=500)]


@router.get("/models")
@may(Permission.SEE_MODELS)
def models_page(visit: VisitDep) -> Response:
    return visit.page(_models_page(visit))


@router.get("/models/compare")
@may(Permission.SEE_MODELS)
def comparison_page(visit: VisitDep, left: ModelId, right: ModelId) -> Response:
    """Two bundles side by side."""
    both = (_entry_and_manifest(visit, left), _entry_and_manifest(visit, right))
    return visit.page(contexts.comparison_page(*both, visit.registry.models()))


@router.post("/models/rollback")
@may(Permission.MANAGE_MODELS)
def roll_back(visit: VisitDep, reason: Reason) -> Response:
    before = visit.registry.before_the_active()
    try:
        if before is None:
            raise Conflict("There is no earlier model to go back to.")
        _switch(visit, f"{before.name}/{before.version}", reason)
    except (Conflict, EngineUnavailable, NotFound) as refused:
        return visit.page(_models_page(visit, trouble=refused.detail), status=409)
    return RedirectResponse("/models", 303)


@router.get("/models/{name}/{version}")
@may(Permission.SEE_MODELS)
def model_page(visit: VisitDep, name: str, version: str) -> Response:
    """The card; every byte of the bundle is verified for this page."""
    return visit.page(_model_page(visit, name, version))


@router.post("/models/{name}/{version}/activate")
@may(Permission.MANAGE_MODELS)
def activate(visit: VisitDep, name: str, version: str, reason: Reason) -> Response:
    try:
        _switch(visit, f"{name}/{version}", reason)
    except (Conflict, EngineUnavailable) as refused:
        return visit.page(_model_page(visit, name, version, refused.detail, reason), status=409)
    return RedirectResponse(f"/models/{name}/{version}", 303)


@router.get("/models/{name}/{version}/report/{file}")
@may(Permission.SEE_MODELS)
def report_picture(visit: VisitDep, name: str, version: str, file: str) -> Response:
    png = visit.registry.report_picture(name, version, file)
    return Response(png, media_type="image/png", headers=PICTURE_HEADERS)


def _switch(visit: Visit, model_id: str, reason: str) -> None:
    """Let another model answer; the engine tries it first, beside the one that answers."""
    services = visit.services
    anyio.from_thread.run(services.scorer.load, visit.registry.verified(model_id))
    with services.database.unit_of_work() as session:
        registry = RegistryService(
            session, services.stores, services.now(), signed_by=services.settings.model_key
        )
        registry.activate(visit.who, model_id, reason)


def _models_page(visit: Visit, trouble: str | None = None) -> pages.ModelsPage:
    registry = visit.registry
    before = registry.before_the_active() if visit.may(Permission.MANAGE_MODELS) else None
    return pages.ModelsPage(
        models=tuple(
            contexts.model_row(entry, registry.manifest_or_none(entry)) for entry in registry.overview()
        ),
        activations=contexts.activation_rows(registry.activations()),
        retrainings=contexts.retraining_rows(visit.retrainings.history()),
        before=contexts.model_ref(before) if before else None,
        trouble=trouble,
    )


def _model_page(
    visit: Visit, name: str, version: str, trouble: str | None = None, reason: str = ""
) -> pages.ModelPage:
    registry = visit.registry
    entry = registry.entry(name, version)
    bundle: Bundle | None = None
    damage: str | None = None
    try:
        bundle = registry.bundle(name, version)
    except (Conflict, NotFound) as refused:
        damage = refused.detail
    return contexts.model_page(
        entry,
        bundle,
        damage,
        registry.activations(),
        may_manage=visit.may(Permission.MANAGE_MODELS),
        trouble=trouble,
        reason=reason,
    )


def _entry_and_manifest(visit: Visit, model_id: str) -> tuple[Activated, Manifest]:
    entry = visit.registry.entry(*split_id(model_id))
    manifest = visit.registry.manifest_or_none(entry)
    if manifest is None:
        raise Conflict(
            f"The files of {model_id} are not the registered ones, so there is nothing to compare."
        )
    return entry, manifest
