"""A database with one site, its cases and destinations: what tests of the outbox put messages into."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import schema
from app.accounts.permissions import Identity
from app.accounts.service import AccountService
from app.audit.service import COMMAND_LINE
from app.cases.service import CaseService
from app.cases.tables import Case, CaseState
from app.database import Database, open_database
from app.outbox.destinations import DestinationService
from app.outbox.repository import Parcel
from app.outbox.service import MessageRow, OutboxService
from app.outbox.states import DestinationKind, MessageState
from app.outbox.tables import Destination, Message
from app.sign_off.tables import SignOff, SignOffKind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATES = {
    SignOffKind.SIGN: CaseState.SIGNED,
    SignOffKind.AMEND: CaseState.IN_REVIEW,
    SignOffKind.RETRACT: CaseState.RETRACTED,
}


@dataclass
class Mailroom:
    """now: the time of everything that is done through this object."""

    url: str
    now: datetime = NOON
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.database = Database(open_database(self.url))
        schema.upgrade(self.database.engine)
        with self.database.unit_of_work() as session:
            site = AccountService(session, b"secret", self.now, COMMAND_LINE).site()
        self.who = Identity(uuid4(), site.id, "A person", frozenset())

    def destination(
        self,
        kind: DestinationKind = DestinationKind.WEBHOOK,
        address: str = "http://localhost:9/",
        name: str = "lis",
        token: str | None = None,
    ) -> Destination:
        with self.database.unit_of_work() as session:
            service = DestinationService(session, self.now)
            return service.add(COMMAND_LINE, self.who.site_id, name, kind, address, token)

    def case(self) -> Case:
        with self.database.unit_of_work() as session:
            return CaseService(session, self.now).open_case(self.who, None)[0]

    def announce(self, case: Case, kind: SignOffKind = SignOffKind.SIGN) -> int:
        """As if a person had just done this, past the rules of when it may be done."""
        with self.database.unit_of_work() as session:
            return self.act(session, case, kind)

    def act(self, session: Session, case: Case, kind: SignOffKind) -> int:
        session.add(
            SignOff(
                id=uuid4(),
                case_id=case.id,
                number=next(self._numbers),
                kind=kind,
                meaning="A test.",
                reason="",
                findings={},
                author_id=self.who.id,
                author_name=self.who.name,
                created_at=self.now,
            )
        )
        acted_on = session.get_one(Case, case.id)
        acted_on.state = STATES[kind]
        session.flush()
        return OutboxService(session, self.now).announce(acted_on, kind)

    def take(self) -> Parcel | None:
        with self.database.unit_of_work() as session:
            return OutboxService(session, self.now).take()

    def sent(self, parcel: Parcel) -> None:
        with self.database.unit_of_work() as session:
            OutboxService(session, self.now).mark_sent(parcel)

    def failed(self, parcel: Parcel, *, refused: bool = False) -> None:
        with self.database.unit_of_work() as session:
            OutboxService(session, self.now).mark_failed(parcel, "no answer", refused=refused)

    def retry(self, message_id: UUID) -> None:
        with self.database.unit_of_work() as session:
            OutboxService(session, self.now).retry(self.who, self.who.site_id, message_id)

    def rows(self, *states: MessageState) -> list[MessageRow]:
        """Oldest first."""
        with self.database.reading() as session:
            rows = OutboxService(session, self.now).rows(self.who.site_id, states or MessageState, 10_000)
        return rows[::-1]

    def bodies(self, case: Case) -> list[str]:
        """Of every message of a case, in order."""
        with self.database.reading() as session:
            found = session.scalars(
                sa.select(Message.body).where(Message.case_id == case.id).order_by(Message.number)
            )
            return [body.decode() for body in found]
