"""The audit trail: every act leaves one line in the transaction of the act, so neither is there without the other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from app.audit.acts import Act
from app.audit.chain import BEFORE_THE_FIRST, digest_of
from app.audit.repository import AuditRepository
from app.audit.tables import AuditEvent


class Actor(Protocol):
    """Who acts; `app.accounts.permissions.Identity` is one."""

    @property
    def id(self) -> UUID | None: ...
    @property
    def site_id(self) -> UUID | None: ...
    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Outsider:
    """An actor without an account: the command line, a stranger at the sign-in form, the server itself."""

    name: str
    id: UUID | None = None
    site_id: UUID | None = None


COMMAND_LINE: Final = Outsider("command line")
STRANGER: Final = Outsider("stranger")
SERVER: Final = Outsider("server")


def at_site(who: Actor, site_id: UUID) -> Actor:
    """An actor without a site, acting on one site's object: the line belongs there."""
    return who if who.site_id is not None else Outsider(who.name, who.id, site_id)


class AuditService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._events = AuditRepository(session)
        self._now = now

    def record(
        self, who: Actor, act: Act, object_id: UUID | str | None = None, **details: str | int | bool | None
    ) -> AuditEvent:
        """Add a line. Call it last in a unit of work: appending makes other writers wait until the commit.

        Args:
            object_id: what was acted on.
            details: identifiers, counts, values of closed vocabularies. Never a name, a note, an accession.
        """
        end = self._events.lock_end()
        event = AuditEvent(
            number=end.number + 1 if end else 1,
            at=self._now,
            site_id=who.site_id,
            actor_id=who.id,
            actor=who.name,
            act=act.value,
            object_id=None if object_id is None else str(object_id),
            details=details,
            previous_digest=end.digest if end else BEFORE_THE_FIRST,
        )
        event.digest = digest_of(event)
        self._events.add(event)
        return event
