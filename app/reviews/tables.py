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


class Reading(StrEnum):
    """For which look at the case a verdict was given: the first, with the machine's answers in sight; the second,
    blind; or the one that settles where these two disagree.
    """

    FIRST = "first"
    SECOND = "second"
    ADJUDICATION = "adjudication"


class Review(Base):
    """One verdict by one person, or by a system that passes on a person's verdict. Rows are only added.

    number: 1 for the first verdict on the cell in this reading; a writer states the number it saw, so that two
    people who judge at once both notice. bulk: one of many given with one keystroke. withdraws: this row gives no
    verdict, it takes back the one of that number, whose words it repeats.
    """

    __tablename__ = "reviews"
    __table_args__ = (sa.UniqueConstraint("cell_id", "reading", "number"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    cell_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("cells.id"))
    reading: Mapped[Reading] = mapped_column(one_of(Reading, "reading"), default=Reading.FIRST)
    number: Mapped[int]
    verdict: Mapped[Verdict] = mapped_column(one_of(Verdict, "verdict"))
    bulk: Mapped[bool] = mapped_column(default=False)
    withdraws: Mapped[int | None]
    note: Mapped[str] = mapped_column(sa.String(1000))
    author_id: Mapped[uuid.UUID]
    author_name: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
