"""Retrainings and their overrides. Rows are only added."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime, one_of


class GateVerdict(StrEnum):
    """What the gate of `training.retraining.gate` said; only the first makes a candidate."""

    PASSED = "passed"
    INCONCLUSIVE = "inconclusive"
    REFUSED = "refused"


class Retraining(Base):
    """One retraining that reached a verdict.

    folder: below the data folder's `retrainings`; an inconclusive challenger waits there. champion, challenger: as
    `name/version`; challenger_sha256 is None where the gate refused it and nothing was kept. snapshot_sha256: of what
    was learned from and judged on. reviewed_cells: how many cells of the case log were offered. reasons: for everything
    that did not pass. sensitivity, sensitivity_floor: of the challenger, and what it had to reach. report: all of
    `retraining.json`.
    """

    __tablename__ = "retrainings"
    number: Mapped[int] = mapped_column(primary_key=True)
    folder: Mapped[str] = mapped_column(sa.String(64))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_by: Mapped[str] = mapped_column(sa.String(100))
    champion: Mapped[str] = mapped_column(sa.String(90))
    champion_sha256: Mapped[str] = mapped_column(sa.String(64))
    challenger: Mapped[str] = mapped_column(sa.String(90))
    challenger_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    snapshot_sha256: Mapped[str] = mapped_column(sa.String(64))
    new_cells: Mapped[int]
    reviewed_cells: Mapped[int]
    verdict: Mapped[GateVerdict] = mapped_column(one_of(GateVerdict, "gate_verdict"))
    reasons: Mapped[list[str]] = mapped_column(sa.JSON)
    sensitivity: Mapped[float] = mapped_column(sa.Double)
    sensitivity_floor: Mapped[float] = mapped_column(sa.Double)
    report: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class RetrainingOverride(Base):
    """That two admins let an inconclusive challenger become a candidate, and why."""

    __tablename__ = "retraining_overrides"
    number: Mapped[int] = mapped_column(sa.ForeignKey("retrainings.number"), primary_key=True)
    first_admin_id: Mapped[uuid.UUID]
    first_admin: Mapped[str] = mapped_column(sa.String(100))
    second_admin_id: Mapped[uuid.UUID]
    second_admin: Mapped[str] = mapped_column(sa.String(100))
    reason: Mapped[str] = mapped_column(sa.String(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
