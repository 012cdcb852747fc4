"""Everything a report says of one case at one sign-off. Every form of it (PDF, CSV, FHIR, HL7, DICOM) is made from this alone.

The record holds no picture: renderers that show cells are handed them by `CellRecord.pixels_sha256`.
"""

import dataclasses
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from app.notice import NOTICE
from app.reviews.tables import Verdict
from models.classifier import PredictionLabel

PROBABILITY_DECIMALS = 6


class ReportStatus(StrEnum):
    """How far a person stands behind a report."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"
    RETRACTED = "retracted"


@dataclass(frozen=True, order=True)
class ModelRecord:
    """Which model spoke. sha256: digest of its manifest, which covers every file of it."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class PredictionRecord:
    """What the machine said of a cell. p_malignant: 0..1 with six decimals, None where it gives no probabilities."""

    label: PredictionLabel
    p_malignant: float | None
    reasons: tuple[str, ...]
    model: ModelRecord
    engine: str
    preprocessing_version: int
    made_at: datetime

    @property
    def p_healthy(self) -> float | None:
        return None if self.p_malignant is None else round(1.0 - self.p_malignant, PROBABILITY_DECIMALS)


@dataclass(frozen=True)
class VerdictRecord:
    """What a person said of a cell. reading: `first`, `second` or `adjudication`; bulk: given to many cells at once."""

    verdict: Verdict
    reading: str
    bulk: bool
    note: str
    author: str
    given_at: datetime


@dataclass(frozen=True)
class CellRecord:
    """One cell that counts: neither refused nor voided.

    position: its number in the case, from 1. verdict: the word that stands, the adjudication where there is
    one. other_verdicts: the newest of each other reading.
    """

    id: UUID
    position: int
    client_ref: str | None
    image_sha256: str
    pixels_sha256: str
    quality: tuple[str, ...]
    prediction: PredictionRecord | None
    verdict: VerdictRecord | None
    other_verdicts: tuple[VerdictRecord, ...] = ()

    @property
    def verdicts(self) -> tuple[VerdictRecord, ...]:
        """The one that stands, then those of the other readings."""
        return (*([self.verdict] if self.verdict else []), *self.other_verdicts)

    @property
    def label(self) -> PredictionLabel | None:
        return self.prediction.label if self.prediction else None

    @property
    def standing(self) -> Verdict | None:
        return self.verdict.verdict if self.verdict else None


@dataclass(frozen=True)
class SignOffRecord:
    """One act of a person who signed in again for it. kind: `sign`, `amend` or `retract`."""

    number: int
    kind: str
    meaning: str
    reason: str
    author: str
    signed_at: datetime


@dataclass(frozen=True)
class AgreementRecord:
    """Two readings of the same cells, before adjudication."""

    both: int
    agreeing: int


@dataclass(frozen=True)
class Fact:
    """One line of the acquisition profile, in words."""

    name: str
    value: str


@dataclass(frozen=True)
class CaseRecord:
    """One case as one report tells it.

    version: 0 before the first signature, then one more with each signature or retraction. as_of: time of the newest of
    them, or when a preliminary report was made; the same record therefore renders to the same bytes.
    refused, voided: files that count for nothing here. blinded: for a reader who must not see the machine's
    word or the first reading; there is none of either in it.
    """

    case_id: UUID
    site_id: UUID
    site: str
    accession: str | None
    subject_ref: str | None
    specimen_id: str | None
    placer_order: str | None
    filler_order: str | None
    drawn: bool
    status: ReportStatus
    version: int
    opened_at: datetime
    as_of: datetime
    acquisition: tuple[Fact, ...]
    cells: tuple[CellRecord, ...]
    refused: int
    voided: int
    agreement: AgreementRecord | None
    sign_offs: tuple[SignOffRecord, ...]
    software: str
    blinded: bool = False
    notice: str = NOTICE

    @property
    def name(self) -> str:
        """The accession, or the start of the id where there is none."""
        return self.accession or f"Case {str(self.case_id)[:8]}"

    @cached_property
    def models(self) -> tuple[ModelRecord, ...]:
        """Every model with a word in it."""
        return tuple(sorted({cell.prediction.model for cell in self.cells if cell.prediction}))

    @cached_property
    def label_counts(self) -> dict[PredictionLabel, int]:
        """Cells by the machine's label, every label named."""
        found = Counter(cell.prediction.label for cell in self.cells if cell.prediction)
        return {label: found[label] for label in PredictionLabel}

    @cached_property
    def verdict_counts(self) -> dict[Verdict, int]:
        """Cells by the verdict that stands, every verdict named."""
        found = Counter(cell.verdict.verdict for cell in self.cells if cell.verdict)
        return {verdict: found[verdict] for verdict in Verdict}

    def count(self, label: PredictionLabel | None, verdict: Verdict | None) -> int:
        """Cells with this label and this standing verdict; None for those without one."""
        return sum(cell.label is label and cell.standing is verdict for cell in self.cells)

    @property
    def without_verdict(self) -> int:
        return len(self.cells) - sum(self.verdict_counts.values())

    @property
    def without_prediction(self) -> int:
        return len(self.cells) - sum(self.label_counts.values())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the record as canonical JSON; every form carries it, so that two can be held against each other."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"), default=_as_text)
        return hashlib.sha256(text.encode()).hexdigest()


def _as_text(value: Any) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
