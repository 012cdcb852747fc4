"""What persons said of cells."""

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime, one_of


class Verdict(StrEnum):
    """A person's word on one cell; the last one is never a training label."""

    MALIGNANT_LYMPHOBLAST = "malignant_lymphoblast"
    NORMAL_PRECURSOR = "normal_precursor"
    UNCERTAIN = "uncertain"
    OTHER_OR_ARTEFACT = "other_or_artefact"


class Review(Base):
    """One verdict by one person, or by a system that passes on a person's verdict. Rows are only added.

    number: 1 for the first verdict on the cell; a writer states the number it saw, so that two people who
    judge at once both notice.
    """

    __tablename__ = "reviews"
    __table_args__ = (sa.UniqueConstraint("cell_id", "number"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    cell_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("cells.id"))
    number: Mapped[int]
    verdict: Mapped[Verdict] = mapped_column(one_of(Verdict, "verdict"))
    note: Mapped[str] = mapped_column(sa.String(1000))
    author_id: Mapped[uuid.UUID]
    author_name: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
