"""Liveness, readiness, metrics and the API's description, outside its version."""

import anyio.to_thread
import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from app.dependencies import ServicesDep
from app.errors import LeukolensError
from app.guard import GuardedRoute, open_to_all
from app.monitoring.exposition import exposition
from app.monitoring.service import MonitoringService
from app.services import Services

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/livez")
@open_to_all
async def livez() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"live": True})


@router.get("/readyz")
@open_to_all
async def readyz(request: Request, services: ServicesDep) -> JSONResponse:
    """The process can do its work: case log and engine answer, and nobody has asked it to end."""
    if request.app.state.draining:
        return JSONResponse({"ready": False, "draining": True}, 503)
    engine = await services.scorer.ready()
    database = await anyio.to_thread.run_sync(_database_answers, services)
    ready = engine and database
    return JSONResponse({"ready": ready, "engine": engine, "database": database}, 200 if ready else 503)


@router.get("/metrics")
@open_to_all
async def metrics(services: ServicesDep) -> Response:
    """Counts of the whole server for Prometheus; nothing in them is about a case or a person."""
    engine = await services.scorer.ready()
    return Response(
        await anyio.to_thread.run_sync(_metrics, services, engine), media_type=CONTENT_TYPE_LATEST
    )


@router.get("/openapi.json")
@open_to_all
async def openapi(request: Request) -> JSONResponse:
    """The API's description."""
    return JSONResponse(request.app.openapi())


def _metrics(services: Services, engine_ready: bool) -> bytes:
    with services.database.reading() as session:
        monitoring = MonitoringService(session, services.stores, services.now())
        return exposition(
            monitoring.server_counts(requests=services.admission.taken, engine_ready=engine_ready)
        )


def _database_answers(services: Services) -> bool:
    try:
        with services.database.reading() as session:
            session.execute(sa.text("SELECT 1"))
    except LeukolensError:
        return False
    return True
