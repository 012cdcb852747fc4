"""Where a site sends results: nothing until it is added, preliminary results after that, final ones when declared."""

import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.audit.acts import Act
from app.audit.service import Actor, AuditService
from app.errors import BadRequest, Conflict, NotFound
from app.outbox.addresses import check_address
from app.outbox.repository import OutboxRepository
from app.outbox.states import DestinationKind, DestinationMode, MessageState
from app.outbox.tables import Destination, FinalDeclaration

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
MAX_DECLARATION_CHARACTERS = 2000


@dataclass(frozen=True)
class Standing:
    """A destination and how it fares. declared_by: who declared final results last. waiting, dead: messages."""

    destination: Destination
    declared_by: str | None
    waiting: int
    dead: int


class DestinationService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._outbox = OutboxRepository(session)
        self._audit = AuditService(session, now)
        self._now = now

    def add(
        self,
        who: Actor,
        site_id: UUID,
        name: str,
        kind: DestinationKind,
        address: str,
        token: str | None = None,
    ) -> Destination:
        """Add a destination for preliminary results.

        Args:
            token: bearer token of a FHIR server, where it asks for one. A webhook's secret is made here.

        Raises:
            BadRequest: the name, address or token cannot be used. Conflict: the site has one of that name.
        """
        if not _NAME.fullmatch(name):
            raise BadRequest(f"Expected a name of 1 to 64 of a-z, 0-9 and '-', got {name[:80]!r}.")
        if token is not None and kind is not DestinationKind.FHIR:
            raise BadRequest(f"Only a FHIR server takes a token; {name} is {kind.value}.")
        if self._outbox.destination(site_id, name) is not None:
            raise Conflict(f"There is a destination {name} already. Choose another name.")
        destination = Destination(
            id=uuid.uuid4(),
            site_id=site_id,
            name=name,
            kind=kind,
            address=check_address(kind, address),
            mode=DestinationMode.RESEARCH,
            secret=secrets.token_urlsafe(32) if kind is DestinationKind.WEBHOOK else token,
            created_at=self._now,
            free_at=self._now,
            failures=0,
        )
        self._outbox.add(destination)
        self._audit.record(who, Act.DESTINATION_ADDED, destination.id, kind=kind.value)
        return destination

    def standings(self, site_id: UUID) -> list[Standing]:
        """Every destination of a site, by name."""
        counts = self._outbox.state_counts(site_id)
        declared = self._outbox.declared_by(site_id)
        return [
            Standing(
                destination=destination,
                declared_by=declared.get(destination.id),
                waiting=counts.get((destination.id, MessageState.WAITING), 0),
                dead=counts.get((destination.id, MessageState.DEAD), 0),
            )
            for destination in self._outbox.destinations(site_id)
        ]

    def disable(self, who: Actor, site_id: UUID, name: str) -> None:
        """Tell it nothing new. Whoever was told of a case still gets its amendments and its retraction.

        Raises:
            NotFound: the site has no such destination.
        """
        self._switch(who, self._known(site_id, name), DestinationMode.OFF)

    def declare_final(
        self, who: Actor, site_id: UUID, name: str, declared_by: str, text: str
    ) -> FinalDeclaration:
        """Record the site's declaration, and send results with their own status from now on.

        Args:
            declared_by: the person who answers for it.
            text: the declaration, in the site's own words.

        Raises:
            NotFound: the site has no such destination. BadRequest: nobody declares, or nothing is declared.
        """
        destination = self._known(site_id, name)
        declared_by, text = declared_by.strip(), text.strip()
        if not 1 <= len(declared_by) <= 100:
            raise BadRequest("Expected the name of the person who declares, 1 to 100 characters.")
        if not 1 <= len(text) <= MAX_DECLARATION_CHARACTERS:
            raise BadRequest(
                f"Expected a declaration of 1 to {MAX_DECLARATION_CHARACTERS} characters, got {len(text)}."
            )
        declaration = FinalDeclaration(
            id=uuid.uuid4(),
            destination_id=destination.id,
            declared_by=declared_by,
            text=text,
            created_at=self._now,
        )
        self._outbox.add(declaration)
        self._switch(who, destination, DestinationMode.FINAL)
        return declaration

    def _switch(self, who: Actor, destination: Destination, mode: DestinationMode) -> None:
        destination.mode = mode
        self._audit.record(who, Act.DESTINATION_CHANGED, destination.id, mode=mode.value)

    def _known(self, site_id: UUID, name: str) -> Destination:
        destination = self._outbox.destination(site_id, name)
        if destination is None:
            known = ", ".join(row.name for row in self._outbox.destinations(site_id)) or "none"
            raise NotFound(f"There is no destination {name}. Known: {known}.")
        return destination
