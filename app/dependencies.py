"""What handlers ask for, as annotated aliases."""

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


def get_unit_of_work(services: "ServicesDep") -> Iterator[Session]:
    """A transaction that is committed before the answer goes out (`scope="function"` below).

    FastAPI's plain `yield` dependencies end after the response was sent: a failed commit would look like
    success.
    """
    with services.database.unit_of_work() as session:
        yield session


ServicesDep = Annotated[Services, Depends(get_services)]
CurrentIdentity = Annotated[Identity, Depends(get_identity)]
Visitor = Annotated[Identity | None, Depends(get_visitor)]
RequestId = Annotated[UUID | None, Depends(get_request_id)]
Reading = Annotated[Session, Depends(get_reading, scope="function")]
UnitOfWork = Annotated[Session, Depends(get_unit_of_work, scope="function")]


def get_case_reader(session: Reading, services: ServicesDep) -> CaseService:
    return CaseService(session, services.now())


def get_case_writer(session: UnitOfWork, services: ServicesDep) -> CaseService:
    return CaseService(session, services.now())


def get_review_reader(session: Reading, services: ServicesDep) -> ReviewService:
    return ReviewService(session, services.now())


def get_review_writer(session: UnitOfWork, services: ServicesDep) -> ReviewService:
    return ReviewService(session, services.now())


def get_registry_reader(session: Reading, services: ServicesDep) -> RegistryService:
    return RegistryService(session, services.stores, services.now())


def get_account_reader(session: Reading, services: ServicesDep) -> AccountService:
    return AccountService(session, services.settings.secret, services.now())


def get_account_writer(session: UnitOfWork, services: ServicesDep) -> AccountService:
    return AccountService(session, services.settings.secret, services.now())


CaseReader = Annotated[CaseService, Depends(get_case_reader)]
CaseWriter = Annotated[CaseService, Depends(get_case_writer)]
ReviewReader = Annotated[ReviewService, Depends(get_review_reader)]
ReviewWriter = Annotated[ReviewService, Depends(get_review_writer)]
RegistryReader = Annotated[RegistryService, Depends(get_registry_reader)]
AccountReader = Annotated[AccountService, Depends(get_account_reader)]
AccountWriter = Annotated[AccountService, Depends(get_account_writer)]
