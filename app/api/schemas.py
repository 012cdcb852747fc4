"""What the REST API says, field by field; the source of `/openapi.json`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.cases.acquisition import (
    MAX_MICROMETRES_PER_PIXEL,
    MAX_OBJECTIVE,
    MAX_TOOL_CHARACTERS,
    AcquisitionProfile,
    CellSelection,
    Specimen,
    Stain,
)
from app.cases.identifying import accession_looks_identifying, notes_look_identifying
from app.cases.repository import CaseCounts
from app.cases.tables import Case, CaseState, Cell, CellState, Prediction
from app.notice import NOTICE
from app.registry.tables import RegisteredModel
from app.reviews.tables import Reading, Review, Verdict
from app.reviews.view import CaseReading, CellReading
from models.decision import PredictionLabel
from models.labels import Label
from models.quality import QualityLevel


class Probabilities(BaseModel):
    """Calibrated; they sum to 1."""

    malignant: float = Field(ge=0, le=1)
    healthy: float = Field(ge=0, le=1)


class ModelName(BaseModel):
    """Which model computed a prediction. sha256: digest of its manifest, which covers every file of it."""

    name: str
    version: str
    sha256: str


class Quality(BaseModel):
    """What was noticed about the image itself."""

    level: QualityLevel
    reasons: list[str]


class PredictionAnswer(BaseModel):
    """The machine's prediction for one cell image. A person decides."""

    case_id: UUID
    cell_id: UUID
    image_sha256: str
    probabilities: Probabilities | None
    label: PredictionLabel
    reasons: list[str]
    prediction_set: list[Label] | None = Field(description="labels not ruled out at the model's alphas")
    model: ModelName
    quality: Quality
    notice: str = NOTICE

    @classmethod
    def of(cls, cell: Cell, prediction: Prediction) -> "PredictionAnswer":
        return cls(
            case_id=cell.case_id,
            cell_id=cell.id,
            image_sha256=cell.image_sha256,
            probabilities=probabilities_of(prediction),
            label=prediction.label,
            reasons=prediction.reasons,
            prediction_set=_labels(prediction.prediction_set),
            model=ModelName(
                name=prediction.model_name, version=prediction.model_version, sha256=prediction.model_sha256
            ),
            quality=quality_of(cell, prediction),
        )


class NewCase(BaseModel):
    """A case to open. accession: opaque, unique in the site; a repeat joins the case that has it."""

    model_config = ConfigDict(extra="forbid")

    accession: Annotated[str, Field(max_length=64)] | None = None


class Acquisition(BaseModel):
    """How the pictures of a case were taken; null is unknown."""

    model_config = ConfigDict(extra="forbid")

    specimen: Specimen | None = None
    stain: Stain | None = None
    objective: Annotated[int, Field(ge=1, le=MAX_OBJECTIVE)] | None = None
    micrometres_per_pixel: Annotated[float, Field(gt=0, le=MAX_MICROMETRES_PER_PIXEL)] | None = None
    segmentation_tool: Annotated[str, Field(min_length=1, max_length=MAX_TOOL_CHARACTERS)] | None = None
    cell_selection: CellSelection | None = None

    def profile(self) -> AcquisitionProfile:
        return AcquisitionProfile.of(self.model_dump(exclude_none=True))


class CaseAnswer(BaseModel):
    """A case and how many of its cells are in which state."""

    id: UUID
    accession: str | None
    state: CaseState
    drawn: bool = Field(description="true for the drawn sample, which is no real cell")
    version: int = Field(description="goes up with every change; edits send the one they saw as If-Match")
    subject_ref: str | None
    specimen_id: str | None
    placer_order: str | None
    filler_order: str | None
    notes: str | None = Field(description="null while the asker reads the case blind")
    acquisition: Acquisition
    second_read: bool
    warnings: list[str] = Field(description="`looks_like_a_name` and the like, of accession and notes")
    created_at: datetime
    cells: int
    stored: int
    scored: int
    failed: int
    refused: int
    voided: int
    notice: str = NOTICE

    @classmethod
    def of(cls, case: Case, counts: CaseCounts, *, blind: bool) -> "CaseAnswer":
        return cls(
            id=case.id,
            accession=case.accession,
            state=case.state,
            drawn=case.drawn,
            version=case.version,
            subject_ref=case.subject_ref,
            specimen_id=case.specimen_id,
            placer_order=case.placer_order,
            filler_order=case.filler_order,
            notes=None if blind else case.notes,
            acquisition=Acquisition(**(case.acquisition or {})),
            second_read=case.second_read,
            warnings=sorted(
                {
                    *accession_looks_identifying(case.accession),
                    *(() if blind else notes_look_identifying(case.notes)),
                }
            ),
            created_at=case.created_at,
            **vars(counts),
        )


class CaseList(BaseModel):
    """One page, newest first. next_cursor: null on the last page."""

    cases: list[CaseAnswer]
    next_cursor: str | None


class FileProblem(BaseModel):
    """Why one file of many was refused."""

    code: str
    title: str
    detail: str


class TakenFile(BaseModel):
    """What became of one file. file: its name as sent, echoed here and not kept."""

    cell_id: UUID
    file: str
    state: CellState
    error: FileProblem | None
    duplicate_of: UUID | None = Field(description="the cell of this site that came with the same file first")

    @classmethod
    def of(cls, cell: Cell, file: str, duplicates: Mapping[UUID, UUID]) -> "TakenFile":
        return cls(
            cell_id=cell.id,
            file=file,
            state=cell.state,
            error=problem_of(cell),
            duplicate_of=duplicates.get(cell.id),
        )


class TakenFiles(BaseModel):
    """One entry per file, in the order they came."""

    case_id: UUID
    cells: list[TakenFile]


class TakenArchiveFiles(TakenFiles):
    """One entry per file of a zip. ignored: folders, hidden files and what else cannot be a picture."""

    ignored: int


class ReviewAnswer(BaseModel):
    """A person's verdict on one cell. withdraws: this row takes back the verdict of that number, it gives none."""

    id: UUID
    cell_id: UUID
    reading: Reading
    number: int
    verdict: Verdict
    note: str
    bulk: bool
    withdraws: int | None
    author: str
    created_at: datetime

    @classmethod
    def of(cls, review: Review) -> "ReviewAnswer":
        return cls(
            id=review.id,
            cell_id=review.cell_id,
            reading=review.reading,
            number=review.number,
            verdict=review.verdict,
            note=review.note,
            bulk=review.bulk,
            withdraws=review.withdraws,
            author=review.author_name,
            created_at=review.created_at,
        )


class NewReview(BaseModel):
    """A verdict to record. seen: number of the newest verdict the reader saw, 0 for none."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    note: Annotated[str, Field(max_length=1000)] = ""
    seen: Annotated[int, Field(ge=0)] | None = None


class Voided(BaseModel):
    """Since when a cell counts nowhere, and why."""

    at: datetime
    reason: str

    @classmethod
    def of(cls, cell: Cell) -> "Voided | None":
        return cls(at=cell.voided_at, reason=cell.void_reason or "") if cell.voided_at else None


class CellAnswer(BaseModel):
    """One cell with its newest prediction and all its verdicts. A refused file has `error` and no picture."""

    id: UUID
    case_id: UUID
    position: int
    state: CellState
    client_ref: str | None
    image_sha256: str
    quality: Quality | None
    measurements: dict[str, float] | None
    prediction: PredictionAnswer | None
    reviews: list[ReviewAnswer]
    blind: bool = Field(
        description="true while a second, blinded reading hides predictions and other readers' verdicts"
    )
    error: FileProblem | None
    voided: Voided | None
    created_at: datetime
    notice: str = NOTICE

    @classmethod
    def of_reading(cls, seen: CellReading) -> "CellAnswer":
        prediction = seen.predictions[0] if seen.predictions else None
        return cls.of(seen.cell, prediction, seen.rows, blind=seen.blind)

    @classmethod
    def of(
        cls, cell: Cell, prediction: Prediction | None, reviews: list[Review], *, blind: bool
    ) -> "CellAnswer":
        return cls(
            id=cell.id,
            case_id=cell.case_id,
            position=cell.position,
            state=cell.state,
            client_ref=cell.client_ref,
            image_sha256=cell.image_sha256,
            quality=quality_of(cell, prediction) if cell.quality is not None else None,
            measurements=None if blind else cell.measurements,
            blind=blind,
            voided=Voided.of(cell),
            prediction=PredictionAnswer.of(cell, prediction) if prediction else None,
            reviews=[ReviewAnswer.of(review) for review in reviews],
            error=problem_of(cell),
            created_at=cell.created_at,
        )


class CaseWithCells(CaseAnswer):
    """A case with its cells in upload order; while the asker is blind, in an order that says nothing."""

    blind: bool
    reading: Reading = Field(description="what a verdict of the asker would be")
    contents: list[CellAnswer]

    @classmethod
    def of_reading(cls, seen: CaseReading, counts: CaseCounts) -> "CaseWithCells":
        contents = [
            CellAnswer.of(
                cell,
                seen.predictions.get(cell.id),
                [seen.verdicts[cell.id]] if cell.id in seen.verdicts else [],
                blind=seen.blind,
            )
            for cell in seen.cells
        ]
        case = CaseAnswer.of(seen.case, counts, blind=seen.blind)
        return cls(**case.model_dump(), blind=seen.blind, reading=seen.reading, contents=contents)


class ModelAnswer(BaseModel):
    """A registered model."""

    name: str
    version: str
    sha256: str
    active: bool
    registered_at: datetime

    @classmethod
    def of(cls, row: RegisteredModel, active_sha256: str) -> "ModelAnswer":
        return cls(
            name=row.name,
            version=row.version,
            sha256=row.sha256,
            active=row.sha256 == active_sha256,
            registered_at=row.registered_at,
        )


class ModelList(BaseModel):
    """Every registered model."""

    models: list[ModelAnswer]


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457). code is stable; detail says what was expected, what came and what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str


def probabilities_of(prediction: Prediction) -> Probabilities | None:
    """None where the model refused to give any."""
    if prediction.p_malignant is None:
        return None
    return Probabilities(malignant=prediction.p_malignant, healthy=1.0 - prediction.p_malignant)


def quality_of(cell: Cell, prediction: Prediction | None) -> Quality:
    """What the decoder noticed, and the gate of the model that answered."""
    gate = (prediction.quality if prediction else None) or []
    reasons = list(dict.fromkeys([*gate, *(cell.quality or [])]))
    level = QualityLevel.WARN if reasons else QualityLevel.PASSED
    if prediction is not None and prediction.label is PredictionLabel.NOT_ASSESSABLE:
        level = QualityLevel.NOT_ASSESSABLE
    return Quality(level=level, reasons=reasons)


def _labels(names: list[str] | None) -> list[Label] | None:
    return None if names is None else [Label(name) for name in names]


def problem_of(cell: Cell) -> FileProblem | None:
    """Why a cell was refused or could not be scored."""
    if cell.problem_code is None:
        return None
    title = "Refused" if cell.state is CellState.REFUSED else "Not scored"
    return FileProblem(code=cell.problem_code, title=title, detail=cell.problem_detail or "")
