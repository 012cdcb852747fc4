"""Answers kept for retried requests."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime


class KeptAnswer(Base):
    """One `Idempotency-Key` of one caller. status is empty while the first request runs.

    id doubles as the `request_id` of what the request creates, so a retry after a crash finds it.
    """

    __tablename__ = "kept_answers"
    __table_args__ = (sa.UniqueConstraint("caller_id", "key"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    caller_id: Mapped[uuid.UUID]
    key: Mapped[str] = mapped_column(sa.String(200))
    request_sha256: Mapped[str] = mapped_column(sa.String(64))
    running_until: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[int | None]
    content_type: Mapped[str | None] = mapped_column(sa.String(100))
    body: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
