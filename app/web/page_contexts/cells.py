"""One cell: its prediction, its measurements, its verdicts."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.web.page_contexts.shared import CaseRef, Context, ModelRef, Note, Refusal
from app.web.words import CellState, PredictionLabel, VerdictKind


@dataclass(frozen=True)
class Probabilities:
    """Calibrated probabilities of one cell; inside the band of the malignant one there is no class."""

    malignant: float
    healthy: float
    band_low: float
    band_high: float


@dataclass(frozen=True)
class Prediction:
    """What one bundle said about one cell. `probabilities` is None exactly when it is not assessable."""

    label: PredictionLabel
    probabilities: Probabilities | None
    reasons: tuple[Note, ...]
    model: ModelRef
    model_sha256: str
    preprocessing: str
    predicted_at: datetime


@dataclass(frozen=True)
class MeasurementRow:
    """One measured property, formatted: `value` without its unit."""

    name: str
    words: str
    value: str
    unit: str


@dataclass(frozen=True)
class CellResult:
    """The part of the cell page that changes when the cell is scored.

    `crop_px` is the side of the square the network saw, None where there is no such crop; it is cut
    around the cell, or from the picture's middle.
    `refusal` is set when the state is refused; `failure` is a sentence when it is failed.
    """

    cell_id: str
    state: CellState
    prediction: Prediction | None
    quality: tuple[Note, ...]
    measurements: tuple[MeasurementRow, ...]
    crop_px: int | None
    crop_follows_cell: bool = False
    refusal: Refusal | None = None
    failure: str | None = None
    drawn: bool = False


@dataclass(frozen=True)
class VerdictEntry:
    """One verdict somebody gave; the newest is the current one."""

    verdict: VerdictKind
    reviewer: str
    given_at: datetime
    note: str
    bulk: bool = False


@dataclass(frozen=True)
class VerdictPanel:
    """The verdict form and what was said before, newest first.

    `seen_version` travels back with the form. `blocked` is a sentence when no verdict can be given (signed
    case, viewer, refused cell), `conflict` one when the sent verdict met a newer one. `just_saved` marks the
    answer to a verdict that is now stored.
    """

    cell_id: str
    seen_version: int
    history: tuple[VerdictEntry, ...]
    next_cell_id: str | None
    note: str = ""
    blocked: str | None = None
    conflict: str | None = None
    just_saved: bool = False


@dataclass(frozen=True)
class CellPage(Context):
    """`/cells/{id}`: one cell, its prediction, a person's verdict. `position` counts from 1 of `cells`."""

    template: ClassVar[str] = "cell.html"
    case: CaseRef
    position: int
    cells: int
    uploaded_at: datetime
    image_sha256: str
    previous_cell_id: str | None
    next_cell_id: str | None
    result: CellResult
    panel: VerdictPanel


@dataclass(frozen=True)
class ResultPartial(Context):
    """`/cells/{id}/result`: the result alone."""

    template: ClassVar[str] = "partials/result.html"
    result: CellResult


@dataclass(frozen=True)
class VerdictPartial(Context):
    """The answer to a verdict sent by htmx: the panel alone."""

    template: ClassVar[str] = "partials/verdict.html"
    panel: VerdictPanel
