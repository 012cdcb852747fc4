"""The audit trail: one chained line for each act."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime


class AuditEvent(Base):
    """One act. Rows are only added, without gaps in `number`, each sealed with the digest of the one before.

    actor: name as it was then; actor_id is None for the command line and for strangers. object_id: what was acted
    on. details: identifiers, counts and closed vocabularies only, never patient data or free text, so that erasure
    leaves the chain whole.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        sa.Index("ix_audit_events_site_id_number", "site_id", "number"),
        sa.Index("ix_audit_events_object_id_number", "object_id", "number"),
    )
    number: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    site_id: Mapped[uuid.UUID | None]
    actor_id: Mapped[uuid.UUID | None]
    actor: Mapped[str] = mapped_column(sa.String(100))
    act: Mapped[str] = mapped_column(sa.String(40))
    object_id: Mapped[str | None] = mapped_column(sa.String(100))
    details: Mapped[dict[str, str | int | bool | None]] = mapped_column(sa.JSON)
    previous_digest: Mapped[str] = mapped_column(sa.String(64))
    digest: Mapped[str] = mapped_column(sa.String(64))
