"""Signatures under cases, and what undid them."""

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime, one_of


class SignOffKind(StrEnum):
    """SIGN closes a case; AMEND opens it again; RETRACT says that it should not have been sent at all."""

    SIGN = "sign"
    AMEND = "amend"
    RETRACT = "retract"


class SignOff(Base):
    """One signature of a person who has just proved who they are. Rows are only added.

    meaning: what the signature says, in a sentence. reason: why it was amended or retracted, empty for a plain
    signature. findings: what the pre-checks counted at that moment, by code.
    """

    __tablename__ = "sign_offs"
    __table_args__ = (sa.UniqueConstraint("case_id", "number"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("cases.id"))
    number: Mapped[int]
    kind: Mapped[SignOffKind] = mapped_column(one_of(SignOffKind, "sign_off_kind"))
    meaning: Mapped[str] = mapped_column(sa.String(200))
    reason: Mapped[str] = mapped_column(sa.String(1000))
    findings: Mapped[dict[str, int]] = mapped_column(sa.JSON)
    author_id: Mapped[uuid.UUID]
    author_name: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
