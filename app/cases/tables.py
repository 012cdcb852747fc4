"""The case log: cases, their cells, and what the machine said of each cell."""

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, UtcDateTime, one_of
from models.classifier import PredictionLabel


class CaseState(StrEnum):
    """How far a case has come."""

    OPEN = "open"
    SCORED = "scored"
    IN_REVIEW = "in_review"
    SIGNED = "signed"
    AMENDED = "amended"
    RETRACTED = "retracted"

    @property
    def is_closed(self) -> bool:
        """Whether the case takes no cell, verdict or change: it was signed, and only amending opens it again."""
        return self in (CaseState.SIGNED, CaseState.AMENDED, CaseState.RETRACTED)


class Reuse(StrEnum):
    """What a case's cells may be used for besides the case itself."""

    NONE = "none"
    LOCAL_TRAINING = "local_training"
    SHAREABLE = "shareable"


class CellState(StrEnum):
    """What became of an uploaded file. A refused one has a code and no picture."""

    STORED = "stored"
    SCORED = "scored"
    FAILED = "failed"
    REFUSED = "refused"


class Case(Base):
    """One case of one site. version counts edits, for `If-Match`. accession is unique within the site.

    subject_ref, specimen_id, placer_order, filler_order: the lab's own names, opaque. acquisition: the fields of
    `app.cases.acquisition.AcquisitionProfile` that are known. second_read: a second, blinded reading is asked for.
    readings_closed_at: when both readings were done, so that nobody is blind any more.
    """

    __tablename__ = "cases"
    __table_args__ = (
        sa.UniqueConstraint("site_id", "accession"),
        sa.Index("ix_cases_site_id_created_at_id", "site_id", "created_at", "id"),
        sa.Index("ix_cases_site_id_state_created_at_id", "site_id", "state", "created_at", "id"),
        sa.Index("ix_cases_site_id_lower_accession", "site_id", sa.text("lower(accession)"), "state"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    # Byte order in PostgreSQL, too, so that an index finds what starts with a text, whatever the locale.
    accession: Mapped[str | None] = mapped_column(
        sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
    )
    state: Mapped[CaseState] = mapped_column(one_of(CaseState, "case_state"))
    drawn: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[uuid.UUID]
    request_id: Mapped[uuid.UUID | None] = mapped_column(unique=True)
    subject_ref: Mapped[str | None] = mapped_column(sa.String(64))
    specimen_id: Mapped[str | None] = mapped_column(sa.String(64))
    placer_order: Mapped[str | None] = mapped_column(sa.String(64))
    filler_order: Mapped[str | None] = mapped_column(sa.String(64))
    notes: Mapped[str] = mapped_column(sa.String(2000), default="")
    acquisition: Mapped[dict[str, str | float] | None] = mapped_column(sa.JSON(none_as_null=True))
    second_read: Mapped[bool] = mapped_column(default=False)
    readings_closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReusePermission(Base):
    """What a case's cells may be used for, from this row on. Rows are only added; a withdrawal is one with `none`.

    basis: what the permission rests on, a consent form's number for instance.
    """

    __tablename__ = "reuse_permissions"
    __table_args__ = (sa.UniqueConstraint("case_id", "number"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("cases.id"))
    number: Mapped[int]
    reuse: Mapped[Reuse] = mapped_column(one_of(Reuse, "reuse"))
    basis: Mapped[str] = mapped_column(sa.String(500))
    author_id: Mapped[uuid.UUID]
    author_name: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Sighting(Base):
    """That a person has been shown what a blinded reader of the case must not see, and so reads it first if at all."""

    __tablename__ = "sightings"
    case_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("cases.id"), primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class SiteAcquisition(Base):
    """How a site takes its pictures unless a case says otherwise. Rows are only added, the newest holds."""

    __tablename__ = "site_acquisitions"
    __table_args__ = (sa.UniqueConstraint("site_id", "number"),)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    number: Mapped[int]
    acquisition: Mapped[dict[str, str | float]] = mapped_column(sa.JSON)
    author_id: Mapped[uuid.UUID]
    author_name: Mapped[str] = mapped_column(sa.String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Cell(Base):
    """One uploaded file of a case, in upload order (`position`).

    image_sha256: digest of the bytes as they came. pixels_sha256: digest of the decoded pixels, the name of
    the picture in the image store. request_id and request_part: which upload request made it, so that a
    retried request finds its cells instead of making them twice. lease_until: a scoring attempt is running
    until then; after it, a stored cell is free to be taken again. attempts: how often scoring was begun.
    voided_at: since then the cell counts nowhere, because it was misfiled; its history stays.
    """

    __tablename__ = "cells"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "position"),
        sa.UniqueConstraint("request_id", "request_part"),
        sa.Index("ix_cells_case_id_state_id", "case_id", "state", "id"),
        sa.Index("ix_cells_image_sha256", "image_sha256"),
        sa.Index(
            "ix_cells_waiting",
            "lease_until",
            sqlite_where=sa.text("state = 'stored'"),
            postgresql_where=sa.text("state = 'stored'"),
        ),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("cases.id"))
    position: Mapped[int]
    state: Mapped[CellState] = mapped_column(one_of(CellState, "cell_state"))
    client_ref: Mapped[str | None] = mapped_column(sa.String(128))
    image_sha256: Mapped[str] = mapped_column(sa.String(64))
    pixels_sha256: Mapped[str | None] = mapped_column(sa.String(64))
    file_format: Mapped[str | None] = mapped_column(sa.String(8))
    measurements: Mapped[dict[str, float] | None] = mapped_column(sa.JSON(none_as_null=True))
    quality: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))
    problem_code: Mapped[str | None] = mapped_column(sa.String(40))
    problem_detail: Mapped[str | None] = mapped_column(sa.String(500))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    request_id: Mapped[uuid.UUID | None]
    request_part: Mapped[int | None]
    voided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    voided_by: Mapped[uuid.UUID | None]
    void_reason: Mapped[str | None] = mapped_column(sa.String(500))


class Prediction(Base):
    """What one version of a model said of one cell. Rows are added, never changed.

    label, reasons: after the acquisition profile of the case was weighed; model_label: what the model alone said.
    number: 1, and one more each time the same answer met another profile and so got another label.
    band_low, band_high: the model's indeterminate band of p_malignant when it said so. prediction_set: the labels not
    ruled out, None where the model has no limits for one. quality: what its gate noticed. embedding: float32,
    little-endian. heatmap: (side, side) float16, little-endian. Both are empty where the cell was not assessable.
    latency_ms: from the hand-over to the engine to its answer.
    """

    __tablename__ = "predictions"
    # The index holds all that counting labels reads: the rows themselves carry kilobytes of map and embedding.
    __table_args__ = (
        sa.UniqueConstraint("cell_id", "model_sha256", "number"),
        sa.Index("ix_predictions_cell_id_created_at_label", "cell_id", "created_at", "label"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    cell_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("cells.id"))
    model_name: Mapped[str] = mapped_column(sa.String(64))
    model_version: Mapped[str] = mapped_column(sa.String(16))
    model_sha256: Mapped[str] = mapped_column(sa.String(64))
    number: Mapped[int] = mapped_column(default=1)
    engine: Mapped[str] = mapped_column(sa.String(16))
    preprocessing_version: Mapped[int]
    label: Mapped[PredictionLabel] = mapped_column(one_of(PredictionLabel, "prediction_label"))
    model_label: Mapped[PredictionLabel] = mapped_column(one_of(PredictionLabel, "model_label"))
    p_malignant: Mapped[float | None] = mapped_column(sa.Double)
    band_low: Mapped[float] = mapped_column(sa.Double)
    band_high: Mapped[float] = mapped_column(sa.Double)
    reasons: Mapped[list[str]] = mapped_column(sa.JSON)
    prediction_set: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))
    quality: Mapped[list[str] | None] = mapped_column(sa.JSON(none_as_null=True))
    embedding: Mapped[bytes] = mapped_column(deferred=True)
    heatmap: Mapped[bytes] = mapped_column(deferred=True)
    latency_ms: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
