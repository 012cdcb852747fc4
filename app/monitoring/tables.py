"""What the nightly summary leaves behind."""

import uuid
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime, one_of
from app.monitoring.figures import AlertLevel


class Summary(Base):
    """One site's figures as they stood at the end of a day; a second run of the same day replaces them."""

    __tablename__ = "monitoring_summaries"
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    figures: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AlertState(Base):
    """The level of one watched figure of a site. since: when it came to it; sentence: what was seen last."""

    __tablename__ = "monitoring_alerts"
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"), primary_key=True)
    watched: Mapped[str] = mapped_column(sa.String(120), primary_key=True)
    level: Mapped[AlertLevel] = mapped_column(one_of(AlertLevel, "alert_level"))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    sentence: Mapped[str] = mapped_column(sa.String(500))
