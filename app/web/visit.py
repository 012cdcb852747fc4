"""One visit to a page: who came, the services it may ask, and how its answer is drawn."""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.accounts.permissions import Identity, Permission
from app.accounts.service import AccountService
from app.cases.service import CaseService
from app.dependencies import Reading, get_services
from app.errors import LeukolensError, NotAuthenticated, NotFound
from app.guard import identify
from app.registry.service import RegistryService
from app.retraining.service import RetrainingService
from app.reviews.service import ReviewService
from app.reviews.view import CaseViewer
from app.services import Services
from app.web import page_contexts as pages
from app.web.rendering import render
from app.web.words import DONE_WORDS, Tone
from models.bundle import TrainingAcquisition

ENVIRONMENT_WARNING = "This installation runs without https. Use it on a closed network only."


@dataclass(frozen=True)
class Visit:
    """The request, the visitor (None for a stranger) and a reading session's services."""

    request: Request
    services: Services
    visitor: Identity | None
    session: Session

    @property
    def who(self) -> Identity:
        """The visitor of a page that is not open to strangers."""
        if self.visitor is None:
            raise NotAuthenticated("Sign in, then open this page again.")
        return self.visitor

    @property
    def cases(self) -> CaseService:
        return CaseService(self.session, self.services.now())

    @property
    def reviews(self) -> ReviewService:
        return ReviewService(self.session, self.services.now())

    @property
    def viewer(self) -> CaseViewer:
        return CaseViewer(self.session, self.services.now())

    @property
    def accounts(self) -> AccountService:
        return AccountService(self.session, self.services.settings.secret, self.services.now())

    @property
    def registry(self) -> RegistryService:
        return RegistryService(self.session, self.services.stores, self.services.now())

    @property
    def retrainings(self) -> RetrainingService:
        return RetrainingService(self.session, self.services.now())

    @property
    def secret_and_now(self) -> tuple[bytes, datetime]:
        """What the services of accounts are made with, besides a session."""
        return self.services.settings.secret, self.services.now()

    @property
    def training_acquisition(self) -> TrainingAcquisition | None:
        """How the active model's training pictures were taken, as far as its bundle says."""
        return self.registry.manifest(self.registry.active()).acquisition

    @property
    def wants_part(self) -> bool:
        """Whether htmx asked, for a part of a page."""
        return "hx-request" in self.request.headers

    def may(self, permission: Permission) -> bool:
        return self.visitor is not None and permission in self.visitor.permissions

    def page(self, context: pages.Context, status: int = 200) -> HTMLResponse:
        """Draw a page or a part of one."""
        return HTMLResponse(render(self._chrome(), context), status)

    def _chrome(self) -> pages.Chrome:
        user, model = None, None
        if self.visitor is not None and self.visitor.role is not None:
            user = pages.SignedIn(self.visitor.name, self.visitor.role)
            with contextlib.suppress(NotFound):
                active = self.registry.active()
                model = pages.ModelRef(active.name, active.version)
        done = DONE_WORDS.get(self.request.query_params.get("done", ""))
        return pages.Chrome(
            path=self.request.url.path,
            user=user,
            model=model,
            flash=pages.Flash(Tone.GOOD, done) if done else None,
            environment_warning=ENVIRONMENT_WARNING if self.services.settings.insecure_http else None,
        )


def get_visit(request: Request, session: Reading) -> Visit:
    return Visit(request, get_services(request), request.state.identity, session)


VisitDep = Annotated[Visit, Depends(get_visit)]


def draw_unguarded(request: Request, context: pages.Context, status: int) -> HTMLResponse:
    """Draw a page for a request that no route took, or whose session is gone; never fails for that."""
    services = get_services(request)
    visitor: Identity | None = None
    with contextlib.suppress(LeukolensError):
        visitor = identify(request, services)
        with services.database.reading() as session:
            return Visit(request, services, visitor, session).page(context, status)
    return HTMLResponse(render(pages.Chrome(request.url.path, None, None), context), status)
