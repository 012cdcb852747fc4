"""The web process: `create_app` puts the parts together, the lifespan starts and stops them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from app import api, probes, web
from app.accounts.sign_in import SignIn
from app.api.description import describe
from app.audit.heads import HeadExport, HeadFile
from app.cases.backlog import RUNNERS, Backlog
from app.cases.intake import Intake
from app.cases.sweep import Sweep
from app.clock import utc_now
from app.database import Database, open_database
from app.headers import SecureHeaders
from app.idempotency.service import IdempotencyService
from app.image_store import ImageStore
from app.inference.admission import Admission
from app.inference.decoder_pool import DecoderPool
from app.inference.engine_client import EngineClient
from app.inference.micro_batcher import MicroBatcher
from app.inference.scorer import ModelRef, Scorer
from app.inference.supervisor import EngineSupervisor, own_engine
from app.logs import LoopErrors
from app.monitoring.nightly import NightlySummary
from app.notice import NOTICE
from app.outbox.delivery import Courier
from app.outbox.sender import Sender
from app.presence import present
from app.registry.service import RegistryService
from app.responses import add_error_handlers
from app.services import Services
from app.settings import Settings
from app.similar.service import SimilarService
from models.bundle import STORE, TrainingAcquisition

if TYPE_CHECKING:
    from app.accounts.openid import OpenIdProvider


class SecureApp(FastAPI):
    """The headers go around everything, the framework's own refusals included: too large, unforeseen."""

    def build_middleware_stack(self) -> ASGIApp:
        return SecureHeaders(super().build_middleware_stack(), https=self.state.settings.secure_cookies)


def create_app(
    settings: Settings,
    *,
    supervisor: EngineSupervisor | None = None,
    scorer: Scorer | None = None,
    now: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """Build the web process. The database must be at its newest revision (`leukolens db upgrade`).

    Args:
        settings: see `app.settings`.
        supervisor: of this server's own engine, where that was launched already.
        scorer: stands in for the engine process; tests give an implementation of the same protocol.
        now: the clock.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_exception_handler(LoopErrors())
        async with contextlib.AsyncExitStack() as stack:
            app.state.services = await _start(settings, supervisor, scorer, now, stack)
            yield

    app = SecureApp(
        title="Leukolens",
        version="1",
        summary="Predictions for segmented single white cells, kept in cases that a person reviews.",
        description=NOTICE,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        max_body_size=settings.max_upload_mb * 1024 * 1024,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts),
        ],
    )
    app.state.settings = settings
    app.state.draining = False
    for router in (*api.ROUTERS, probes.router, *web.ROUTERS):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=web.STATIC_DIR), name="static")
    add_error_handlers(app, web.render_error_page)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def model_stores(settings: Settings) -> Sequence[Path]:
    """Where bundles lie: imported ones first, then the shipped ones."""
    return (settings.model_dir, STORE)


async def _start(
    settings: Settings,
    supervisor: EngineSupervisor | None,
    scorer: Scorer | None,
    now: Callable[[], datetime],
    stack: contextlib.AsyncExitStack,
) -> Services:
    engine = open_database(settings.database)
    stack.callback(engine.dispose)
    database = Database(engine)
    stores = model_stores(settings)

    def active_model() -> ModelRef:
        with database.reading() as session:
            return RegistryService(session, stores, now()).active()

    def training_of(model: ModelRef) -> TrainingAcquisition | None:
        with database.reading() as session:
            return RegistryService(session, stores, now()).training_acquisition(model)

    def release_lost_requests() -> None:
        # On PostgreSQL servers of other hosts, with folders of their own, may be answering: there a lease just ends.
        if engine.dialect.name != "sqlite":
            return
        with database.unit_of_work() as session:
            IdempotencyService(session, now()).release_all()

    stack.enter_context(present(settings.data_dir, if_alone=release_lost_requests))
    with database.unit_of_work() as session:
        RegistryService(session, stores, now(), signed_by=settings.model_key).seed(settings.model)
    if scorer is None:
        scorer = await _start_scorer(settings, supervisor or own_engine(settings), active_model, stack)
    decoder = DecoderPool()
    stack.callback(decoder.close)
    decoder.warm_up()
    images = ImageStore(settings.image_dir)
    intake = Intake(database, images, decoder, scorer, active_model, training_of, now, settings.deadline_s)
    backlog = Backlog(intake)
    backlog.start()
    stack.push_async_callback(backlog.stop)
    heads = HeadExport(database, HeadFile(settings.data_dir), now)
    heads.start()
    stack.push_async_callback(heads.stop)
    sweep = Sweep(database, images, now)
    sweep.start()
    stack.push_async_callback(sweep.stop)
    nightly = NightlySummary(database, stores, now)
    nightly.start()
    stack.push_async_callback(nightly.stop)
    sender = _start_sender(database, now, stack)
    similar = SimilarService(database, stores, now)
    admission = Admission(settings.queue_limit, settings.deadline_s)
    sign_in = SignIn(database, settings.secret, now)
    return Services(
        settings,
        database,
        images,
        decoder,
        scorer,
        intake,
        backlog,
        sender,
        similar,
        admission,
        sign_in,
        _openid_provider(settings),
        stores,
        training_of,
        now,
    )


def _start_sender(
    database: Database, now: Callable[[], datetime], stack: contextlib.AsyncExitStack
) -> Sender:
    courier = Courier(now)
    stack.push_async_callback(courier.close)
    sender = Sender(database, courier, now)
    sender.start()
    stack.push_async_callback(sender.stop)
    return sender


def _openid_provider(settings: Settings) -> "OpenIdProvider | None":
    if not settings.oidc_issuer:
        return None
    from app.accounts.openid import OpenIdProvider  # needs the extra `oidc`

    client_secret = settings.oidc_client_secret.get_secret_value()
    return OpenIdProvider(settings.oidc_issuer, settings.oidc_client_id, client_secret, settings.secret)


async def _start_scorer(
    settings: Settings,
    supervisor: EngineSupervisor | None,
    active_model: Callable[[], ModelRef],
    stack: contextlib.AsyncExitStack,
) -> Scorer:
    """What the settings name: an engine process, or the replicas on a Ray cluster."""
    if settings.scorer == "local":
        return _start_batcher(settings, supervisor, active_model, stack)
    from app.inference.ray_scorer import RayScorer  # Ray costs seconds and memory: only who asks for it pays

    replicas = RayScorer(settings.ray_address or "auto", settings.ray_app, settings.queue_limit + RUNNERS)
    replicas.start()
    stack.push_async_callback(replicas.stop)
    return replicas


def _start_batcher(
    settings: Settings,
    supervisor: EngineSupervisor | None,
    active_model: Callable[[], ModelRef],
    stack: contextlib.AsyncExitStack,
) -> MicroBatcher:
    """Connect to an engine process, one of our own unless the settings name another."""
    if supervisor is not None:
        supervisor.start(active_model)
        stack.push_async_callback(supervisor.stop)
    client = EngineClient(supervisor.url if supervisor is not None else settings.worker_url)
    stack.push_async_callback(client.close)
    batcher = MicroBatcher(client, settings.queue_limit + RUNNERS)
    batcher.start(active_model())
    stack.push_async_callback(batcher.stop)
    return batcher
