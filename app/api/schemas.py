"""What the REST API says, field by field; the source of `/openapi.json`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.cases.repository import CaseCounts
from app.cases.tables import Case, CaseState, Cell, CellState, Prediction
from app.notice import NOTICE
from app.registry.tables import RegisteredModel
from app.reviews.tables import Review, Verdict
from models.classifier import PredictionLabel


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
    """What was noticed about the image itself. level: `pass` or `warn`."""

    level: str
    reasons: list[str]


class PredictionAnswer(BaseModel):
    """The machine's prediction for one cell image. A person decides."""

    case_id: UUID
    cell_id: UUID
    image_sha256: str
    probabilities: Probabilities | None
    label: PredictionLabel
    reasons: list[str]
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
            model=ModelName(
                name=prediction.model_name, version=prediction.model_version, sha256=prediction.model_sha256
            ),
            quality=quality_of(cell),
        )


class NewCase(BaseModel):
    """A case to open. accession: opaque, unique in the site; a repeat joins the case that has it."""

    model_config = ConfigDict(extra="forbid")

    accession: Annotated[str, Field(max_length=64)] | None = None


class CaseAnswer(BaseModel):
    """A case and how many of its cells are in which state."""

    id: UUID
    accession: str | None
    state: CaseState
    drawn: bool = Field(description="true for the drawn sample, which is no real cell")
    version: int
    created_at: datetime
    cells: int
    stored: int
    scored: int
    failed: int
    refused: int
    notice: str = NOTICE

    @classmethod
    def of(cls, case: Case, counts: CaseCounts) -> "CaseAnswer":
        return cls(
            id=case.id,
            accession=case.accession,
            state=case.state,
            drawn=case.drawn,
            version=case.version,
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


class TakenFiles(BaseModel):
    """One entry per file, in the order they came."""

    case_id: UUID
    cells: list[TakenFile]


class ReviewAnswer(BaseModel):
    """A person's verdict on one cell."""

    id: UUID
    cell_id: UUID
    number: int
    verdict: Verdict
    note: str
    author: str
    created_at: datetime

    @classmethod
    def of(cls, review: Review) -> "ReviewAnswer":
        return cls(
            id=review.id,
            cell_id=review.cell_id,
            number=review.number,
            verdict=review.verdict,
            note=review.note,
            author=review.author_name,
            created_at=review.created_at,
        )


class NewReview(BaseModel):
    """A verdict to record. seen: number of the newest verdict the reader saw, 0 for none."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    note: Annotated[str, Field(max_length=1000)] = ""
    seen: Annotated[int, Field(ge=0)] | None = None


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
    error: FileProblem | None
    created_at: datetime
    notice: str = NOTICE

    @classmethod
    def of(cls, cell: Cell, prediction: Prediction | None, reviews: list[Review]) -> "CellAnswer":
        return cls(
            id=cell.id,
            case_id=cell.case_id,
            position=cell.position,
            state=cell.state,
            client_ref=cell.client_ref,
            image_sha256=cell.image_sha256,
            quality=quality_of(cell) if cell.quality is not None else None,
            measurements=cell.measurements,
            prediction=PredictionAnswer.of(cell, prediction) if prediction else None,
            reviews=[ReviewAnswer.of(review) for review in reviews],
            error=problem_of(cell),
            created_at=cell.created_at,
        )


class CaseWithCells(CaseAnswer):
    """A case with its cells in upload order."""

    contents: list[CellAnswer]


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


def quality_of(cell: Cell) -> Quality:
    return Quality(level="warn" if cell.quality else "pass", reasons=cell.quality or [])


def problem_of(cell: Cell) -> FileProblem | None:
    """Why a cell was refused or could not be scored."""
    if cell.problem_code is None:
        return None
    title = "Refused" if cell.state is CellState.REFUSED else "Not scored"
    return FileProblem(code=cell.problem_code, title=title, detail=cell.problem_detail or "")
