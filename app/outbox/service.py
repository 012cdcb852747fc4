"""The outbox: a message is stored with the act it tells of, and sent until it has arrived or is given up."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.audit.acts import Act
from app.audit.service import Actor, AuditService, Outsider
from app.cases.repository import new_id
from app.cases.tables import Case
from app.errors import Conflict, NotFound
from app.outbox.backoff import LONGEST_REST, is_given_up, pause_after
from app.outbox.letters import letter_for
from app.outbox.repository import OutboxRepository, Parcel
from app.outbox.states import DestinationKind, DestinationMode, MessageState
from app.outbox.tables import Destination, Message
from app.reports.case_record import CaseRecord
from app.reports.service import ReportService
from app.sign_off.tables import SignOffKind

HOLD: Final = timedelta(seconds=60)
"""How long a sender has a destination: longer than a try may take, so that no two send to it at once."""

LIST_LIMIT: Final = 500
_chance = secrets.SystemRandom()


@dataclass(frozen=True)
class MessageRow:
    """A message as a person sees it, without its body. attempts: tries begun; problem: why the last one failed."""

    id: UUID
    case_id: UUID
    accession: str | None
    destination: str
    kind: DestinationKind
    occasion: SignOffKind
    state: MessageState
    attempts: int
    problem: str | None
    created_at: datetime
    next_attempt_at: datetime
    sent_at: datetime | None


class OutboxService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._outbox = OutboxRepository(session)
        self._reports = ReportService(session, now)
        self._audit = AuditService(session, now)
        self._now = now

    # --- announcing ---

    def announce(self, case: Case, kind: SignOffKind) -> int:
        """Store what every recipient is to be told of a signature, amendment or retraction; how many they are.

        A signature goes to every destination that is switched on. Whoever was told of the case before is told
        again, switched on or not: an amendment or retraction must reach all of them, and only them.
        """
        recipients = list(self._recipients(case, kind))
        if not recipients:
            return 0
        record = self._reports.record(case)
        for destination, mode in recipients:
            self._put(destination, mode, record, kind)
        return len(recipients)

    def _put(
        self, destination: Destination, mode: DestinationMode, record: CaseRecord, kind: SignOffKind
    ) -> None:
        message_id = new_id()
        body = letter_for(destination.kind, mode, record, message_id, kind, self._now)
        message = Message(
            id=message_id,
            destination_id=destination.id,
            case_id=record.case_id,
            number=self._outbox.next_number(destination.id, record.case_id),
            occasion=kind,
            mode=mode,
            body=body,
            body_sha256=hashlib.sha256(body).hexdigest(),
            state=MessageState.WAITING,
            attempts=0,
            next_attempt_at=self._now,
            created_at=self._now,
        )
        self._outbox.add(message)

    def _recipients(self, case: Case, kind: SignOffKind) -> Iterable[tuple[Destination, DestinationMode]]:
        """Destinations with the mode that counts: their own, or when switched off the one they were last told in."""
        earlier = self._outbox.latest_modes(case.id)
        for destination in self._outbox.destinations(case.site_id):
            on = destination.mode is not DestinationMode.OFF
            if destination.id in earlier:
                yield destination, destination.mode if on else earlier[destination.id]
            elif on and kind is SignOffKind.SIGN:
                yield destination, destination.mode

    # --- sending ---

    def take(self) -> Parcel | None:
        """A message that is due, with its destination held for the taker alone."""
        return self._outbox.take(self._now, self._now + HOLD)

    def mark_sent(self, parcel: Parcel) -> None:
        """Log that a message has arrived."""
        held = self._still_held(parcel)
        if held is None:
            return
        destination, message = held
        destination.free_at, destination.failures = self._now, 0
        message.state, message.sent_at, message.problem = MessageState.SENT, self._now, None
        self._record(Act.MESSAGE_SENT, destination, message)

    def mark_failed(self, parcel: Parcel, problem: str, *, refused: bool) -> None:
        """Log that a try failed; the message rests, and so does its destination unless it answered."""
        held = self._still_held(parcel)
        if held is None:
            return
        destination, message = held
        destination.failures = 0 if refused else destination.failures + 1
        destination.free_at = self._now
        if not refused:
            destination.free_at += pause_after(destination.failures, _chance.random(), LONGEST_REST)
        message.problem = problem[:300]
        message.next_attempt_at = self._now + pause_after(message.attempts, _chance.random())
        if is_given_up(message.attempts, refused=refused):
            message.state = MessageState.DEAD
            self._record(Act.MESSAGE_DEAD, destination, message)

    def _still_held(self, parcel: Parcel) -> tuple[Destination, Message] | None:
        """None when the hold ended and somebody else sends it now, or the message was erased meanwhile."""
        destination = self._outbox.destination_for_update(parcel.destination.id)
        message = self._outbox.message_by_id(parcel.message.id)
        if destination is None or destination.free_at != parcel.held_until or message is None:
            return None
        return destination, message

    # --- looking after it ---

    def rows(
        self, site_id: UUID, states: Iterable[MessageState], limit: int = LIST_LIMIT
    ) -> list[MessageRow]:
        """Messages of a site, newest first."""
        return [
            MessageRow(
                id=message.id,
                case_id=message.case_id,
                accession=accession,
                destination=destination.name,
                kind=destination.kind,
                occasion=message.occasion,
                state=message.state,
                attempts=message.attempts,
                problem=message.problem,
                created_at=message.created_at,
                next_attempt_at=message.next_attempt_at,
                sent_at=message.sent_at,
            )
            for message, destination, accession in self._outbox.messages(site_id, set(states), limit)
        ]

    def retry(self, who: Actor, site_id: UUID, message_id: UUID) -> None:
        """Let a dead letter be tried again, from now on.

        Raises:
            NotFound: the site has no such message. Conflict: it is not dead, or a newer message of its case may
            have arrived, which an older one must not follow.
        """
        message = self._outbox.message(site_id, message_id)
        if message is None:
            raise NotFound(f"There is no message {message_id}.")
        self._outbox.destination_for_update(message.destination_id)  # no sender takes a newer one meanwhile
        if message.state is not MessageState.DEAD:
            raise Conflict(f"Message {message_id} is {message.state.value}; only a dead one is tried again.")
        if self._outbox.newer_was_begun(message):
            raise Conflict(
                "A newer message of this case was sent after this one; it tells all that this one told."
            )
        message.state, message.attempts, message.next_attempt_at = MessageState.WAITING, 0, self._now
        self._audit.record(who, Act.MESSAGE_RETRIED, message.case_id, message=str(message.id))

    def _record(self, act: Act, destination: Destination, message: Message) -> None:
        server = Outsider("server", site_id=destination.site_id)
        self._audit.record(
            server,
            act,
            message.case_id,
            message=str(message.id),
            destination=str(destination.id),
            number=message.number,
            attempts=message.attempts,
        )
