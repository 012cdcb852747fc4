"""Which bundles are known, and which one answers."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime


class RegisteredModel(Base):
    """A bundle that was verified once; its digest is what may serve."""

    __tablename__ = "models"
    __table_args__ = (sa.UniqueConstraint("name", "version"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(64))
    version: Mapped[str] = mapped_column(sa.String(16))
    sha256: Mapped[str] = mapped_column(sa.String(64))
    registered_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Activation(Base):
    """One change of the serving model; the newest row rules. Rows are only added.

    reason: why, in the words of who did it; empty where nobody was asked, at the first start for instance.
    """

    __tablename__ = "activations"
    number: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("models.id"))
    activated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_by: Mapped[str] = mapped_column(sa.String(100))
    reason: Mapped[str] = mapped_column(sa.String(500), server_default="")
