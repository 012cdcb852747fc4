"""The outbox: where results go, and every message on its way there."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime, one_of
from app.outbox.states import DestinationKind, DestinationMode, MessageState
from app.sign_off.tables import SignOffKind


class Destination(Base):
    """A system of one site that is told of its results.

    secret: key of a webhook's signatures, or token for a FHIR server; only the server and its command line read
    it. free_at: until then somebody sends to it, or it rests after a failure; one sender at a time has it.
    failures: tries without an answer since the last answer.
    """

    __tablename__ = "destinations"
    __table_args__ = (sa.UniqueConstraint("site_id", "name"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    name: Mapped[str] = mapped_column(sa.String(64))
    kind: Mapped[DestinationKind] = mapped_column(one_of(DestinationKind, "destination_kind"))
    address: Mapped[str] = mapped_column(sa.String(500))
    mode: Mapped[DestinationMode] = mapped_column(one_of(DestinationMode, "destination_mode"))
    secret: Mapped[str | None] = mapped_column(sa.String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    free_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failures: Mapped[int]


class FinalDeclaration(Base):
    """Why a destination may be told final results: who of the site declared it, when, in which words. Only added."""

    __tablename__ = "final_declarations"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    destination_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("destinations.id"), index=True)
    declared_by: Mapped[str] = mapped_column(sa.String(100))
    text: Mapped[str] = mapped_column(sa.String(2000))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Message(Base):
    """One message to one destination, as it was rendered when it was announced.

    id: stays the same over all tries, so that a receiver recognises a message it has already. number: order within
    case and destination, from 1. occasion: the act it tells of. mode: of the destination at that time. attempts:
    tries begun since it was announced or last let go by hand. problem: why the last try failed.
    """

    __tablename__ = "outbox_messages"
    __table_args__ = (
        sa.UniqueConstraint("destination_id", "case_id", "number"),
        sa.Index("ix_outbox_messages_state_created_at", "state", "created_at"),
        sa.Index(
            "ix_outbox_messages_due",
            "destination_id",
            "next_attempt_at",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    destination_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("destinations.id"))
    case_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("cases.id"), index=True)
    number: Mapped[int]
    occasion: Mapped[SignOffKind] = mapped_column(one_of(SignOffKind, "message_occasion"))
    mode: Mapped[DestinationMode] = mapped_column(one_of(DestinationMode, "message_mode"))
    body: Mapped[bytes]
    body_sha256: Mapped[str] = mapped_column(sa.String(64))
    state: Mapped[MessageState] = mapped_column(one_of(MessageState, "message_state"))
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    problem: Mapped[str | None] = mapped_column(sa.String(300))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
