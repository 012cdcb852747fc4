"""All SQL about destinations and messages."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.cases.tables import Case
from app.outbox.states import DestinationMode, MessageState
from app.outbox.tables import Destination, FinalDeclaration, Message

TAKERS_AT_ONCE = 16
"""How many destinations one taker looks at, when others are taking the first ones in the same moment."""


@dataclass(frozen=True)
class Parcel:
    """A message whose destination is held for its taker, until `held_until` and no longer."""

    destination: Destination
    message: Message
    held_until: datetime


class OutboxRepository:
    """Reads and writes the outbox in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Destination | FinalDeclaration | Message) -> None:
        self._session.add(row)
        self._session.flush()

    # --- destinations ---

    def destinations(self, site_id: UUID) -> list[Destination]:
        return list(
            self._session.scalars(
                sa.select(Destination).where(Destination.site_id == site_id).order_by(Destination.name)
            )
        )

    def destination(self, site_id: UUID, name: str) -> Destination | None:
        return self._session.scalar(
            sa.select(Destination).where(Destination.site_id == site_id, Destination.name == name)
        )

    def destination_for_update(self, destination_id: UUID) -> Destination | None:
        """The destination, locked until the transaction ends (SQLite's writers are serial anyway).

        `key_share`: a message that is announced meanwhile refers to this row, and must not wait for it.
        """
        return self._session.scalar(
            sa.select(Destination).where(Destination.id == destination_id).with_for_update(key_share=True)
        )

    def declared_by(self, site_id: UUID) -> dict[UUID, str]:
        """Who declared final results last, for each destination of the site that has a declaration."""
        rows = self._session.execute(
            sa.select(FinalDeclaration.destination_id, FinalDeclaration.declared_by)
            .join(Destination, Destination.id == FinalDeclaration.destination_id)
            .where(Destination.site_id == site_id)
            .order_by(FinalDeclaration.created_at)
        )
        return {destination_id: declared_by for destination_id, declared_by in rows}

    # --- messages ---

    def latest_modes(self, case_id: UUID) -> dict[UUID, DestinationMode]:
        """Every destination that was sent something of a case, or is to be: with the mode of its newest message."""
        rows = self._session.execute(
            sa.select(Message.destination_id, Message.mode)
            .where(Message.case_id == case_id)
            .order_by(Message.number)
        )
        return {destination_id: mode for destination_id, mode in rows}

    def next_number(self, destination_id: UUID, case_id: UUID) -> int:
        highest = self._session.scalar(
            sa.select(sa.func.max(Message.number)).where(
                Message.destination_id == destination_id, Message.case_id == case_id
            )
        )
        return (highest or 0) + 1

    def message(self, site_id: UUID, message_id: UUID) -> Message | None:
        return self._session.scalar(
            sa.select(Message)
            .join(Destination, Destination.id == Message.destination_id)
            .where(Message.id == message_id, Destination.site_id == site_id)
        )

    def message_by_id(self, message_id: UUID) -> Message | None:
        return self._session.get(Message, message_id)

    def messages(
        self, site_id: UUID, states: set[MessageState], limit: int
    ) -> list[tuple[Message, Destination, str | None]]:
        """Newest first, each with its destination and its case's accession."""
        rows = self._session.execute(
            sa.select(Message, Destination, Case.accession)
            .join(Destination, Destination.id == Message.destination_id)
            .join(Case, Case.id == Message.case_id)
            .where(Destination.site_id == site_id, Message.state.in_(states))
            .order_by(Message.created_at.desc(), Message.number.desc())
            .limit(limit)
        )
        return [(message, destination, accession) for message, destination, accession in rows]

    def state_counts(self, site_id: UUID) -> dict[tuple[UUID, MessageState], int]:
        """How many messages of each destination of the site are in which state."""
        rows = self._session.execute(
            sa.select(Message.destination_id, Message.state, sa.func.count())
            .join(Destination, Destination.id == Message.destination_id)
            .where(Destination.site_id == site_id)
            .group_by(Message.destination_id, Message.state)
        )
        return {(destination_id, state): count for destination_id, state, count in rows}

    def newer_was_begun(self, message: Message) -> bool:
        """Whether a newer message of the same case may have reached the same destination."""
        newer = sa.select(Message.id).where(
            Message.destination_id == message.destination_id,
            Message.case_id == message.case_id,
            Message.number > message.number,
            sa.or_(Message.attempts > 0, Message.state != MessageState.WAITING),
        )
        return bool(self._session.scalar(sa.select(newer.exists())))

    def take(self, now: datetime, held_until: datetime) -> Parcel | None:
        """Hold a destination that has something due and is free; its due message that has waited longest.

        The lock is on the destination: whoever holds it is its only sender, so messages of a case cannot
        overtake each other.
        """
        due = _due(now)
        ready = sa.select(Message.id).where(Message.destination_id == Destination.id, due).exists()
        free_ids = (
            sa.select(Destination.id)
            .where(Destination.free_at <= now, ready)
            .order_by(Destination.free_at)
            .limit(TAKERS_AT_ONCE)
        )
        for destination_id in self._session.scalars(free_ids).all():
            destination = self._session.scalar(
                sa.select(Destination)
                .where(Destination.id == destination_id, Destination.free_at <= now)
                .with_for_update(skip_locked=True, key_share=True)
            )
            message = self._session.scalar(
                sa.select(Message)
                .where(Message.destination_id == destination_id, due)
                .order_by(Message.next_attempt_at, Message.number)
                .limit(1)
            )
            if destination is not None and message is not None:
                destination.free_at = held_until
                message.attempts += 1
                return Parcel(destination, message, held_until)
        return None


def _due(now: datetime) -> sa.ColumnElement[bool]:
    """Waiting, not resting after a failure, and the first of its case and destination that waits."""
    earlier = aliased(Message)
    waits_behind = (
        sa.select(earlier.id)
        .where(
            earlier.destination_id == Message.destination_id,
            earlier.case_id == Message.case_id,
            earlier.number < Message.number,
            earlier.state == MessageState.WAITING,
        )
        .correlate(Message)
        .exists()
    )
    return sa.and_(
        Message.state == MessageState.WAITING, Message.next_attempt_at <= now, sa.not_(waits_behind)
    )
