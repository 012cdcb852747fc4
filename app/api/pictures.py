"""Pictures made from stored ones: small for the gallery, and the map that explains a prediction."""

from uuid import UUID

import anyio.to_thread
from fastapi import APIRouter, Response

from app.accounts.permissions import Permission
from app.api.routes import PNG_HEADERS, PROBLEMS
from app.cases.service import model_of
from app.dependencies import CaseReader, CurrentIdentity, RegistryReader, ServicesDep
from app.errors import NotFound
from app.guard import GuardedRoute, may
from models.preprocessing import Preprocessing

router = APIRouter(prefix="/api/v1", route_class=GuardedRoute, responses=PROBLEMS)  # type: ignore[arg-type]


@router.get("/cells/{cell_id}/thumbnail.png", tags=["cells"], response_class=Response)
@may(Permission.SEE_CASES)
async def cell_thumbnail(
    cell_id: UUID, cases: CaseReader, services: ServicesDep, who: CurrentIdentity
) -> Response:
    """The whole picture at half its size, all cells at one scale."""
    digest = await anyio.to_thread.run_sync(cases.picture_digest, who, cell_id)
    png = await anyio.to_thread.run_sync(services.images.read, digest)
    return Response(await services.decoder.thumbnail(png), media_type="image/png", headers=PNG_HEADERS)


@router.get("/cells/{cell_id}/heatmap.png", tags=["cells"], response_class=Response)
@may(Permission.SEE_CASES)
async def cell_heatmap(
    cell_id: UUID, cases: CaseReader, registry: RegistryReader, services: ServicesDep, who: CurrentIdentity
) -> Response:
    """The newest prediction's Grad-CAM map, as a layer of the whole picture's size."""
    found = await anyio.to_thread.run_sync(_explained, cases, registry, services, who, cell_id)
    return Response(await services.decoder.heatmap(*found), media_type="image/png", headers=PNG_HEADERS)


def _explained(
    cases: CaseReader, registry: RegistryReader, services: ServicesDep, who: CurrentIdentity, cell_id: UUID
) -> tuple[bytes, Preprocessing, bytes]:
    """Picture, recipe of its crop, and map."""
    prediction = cases.shown_prediction(who, cell_id)
    if prediction is None or prediction.p_malignant is None:
        raise NotFound("There is no map: the model gave no probabilities for this cell.")
    recipe = registry.manifest(model_of(prediction)).preprocessing
    return services.images.read(cases.picture_digest(who, cell_id)), recipe, prediction.heatmap
