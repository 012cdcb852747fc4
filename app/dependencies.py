"""What handlers ask for, as annotated aliases.

There is no writing session here: a handler that changes something opens `services.database.unit_of_work()` itself.
FastAPI ends a dependency after the handler's answer has passed the guard, which keeps that answer for retries; a
commit that fails so late would look like success.
"""

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.accounts.service import AccountService
from app.cases.service import CaseService
from app.errors import NotAuthenticated
from app.registry.service import RegistryService
from app.reviews.service import ReviewService
from app.services import Services


def get_services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def get_identity(request: Request) -> Identity:
    """The asker; the guard has checked that there is one where the route's policy asks for one."""
    identity: Identity | None = request.state.identity
    if identity is None:
        raise NotAuthenticated("Sign in, or send `Authorization: Bearer KEY`.")
    return identity


def get_visitor(request: Request) -> Identity | None:
    """The asker, or None for a stranger on an open page."""
    identity: Identity | None = request.state.identity
    return identity


def get_request_id(request: Request) -> UUID | None:
    """Id of a request that came with an Idempotency-Key: what it creates carries it."""
    request_id: UUID | None = request.state.request_id
    return request_id


def get_reading(services: "ServicesDep") -> Iterator[Session]:
    with services.database.reading() as session:
        yield session


ServicesDep = Annotated[Services, Depends(get_services)]
CurrentIdentity = Annotated[Identity, Depends(get_identity)]
Visitor = Annotated[Identity | None, Depends(get_visitor)]
RequestId = Annotated[UUID | None, Depends(get_request_id)]
Reading = Annotated[Session, Depends(get_reading)]


def get_case_reader(session: Reading, services: ServicesDep) -> CaseService:
    return CaseService(session, services.now())


def get_review_reader(session: Reading, services: ServicesDep) -> ReviewService:
    return ReviewService(session, services.now())


def get_registry_reader(session: Reading, services: ServicesDep) -> RegistryService:
    return RegistryService(session, services.stores, services.now())


def get_account_reader(session: Reading, services: ServicesDep) -> AccountService:
    return AccountService(session, services.settings.secret, services.now())


CaseReader = Annotated[CaseService, Depends(get_case_reader)]
ReviewReader = Annotated[ReviewService, Depends(get_review_reader)]
RegistryReader = Annotated[RegistryService, Depends(get_registry_reader)]
AccountReader = Annotated[AccountService, Depends(get_account_reader)]
