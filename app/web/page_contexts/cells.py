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
class ConformalSet:
    """The labels that are not ruled out at `alpha`, a number in words."""

    alpha: str
    labels: tuple[PredictionLabel, ...]


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
    conformal: ConformalSet | None = None


@dataclass(frozen=True)
class EarlierPrediction:
    """What another version said of the same cell."""

    model: ModelRef
    label: PredictionLabel
    malignant: float | None
    predicted_at: datetime


@dataclass(frozen=True)
class Span:
    """The middle nine tenths of one class, in words and as a share 0..1 of the drawn line."""

    label: PredictionLabel
    words: str
    start: float
    length: float


@dataclass(frozen=True)
class MeasurementRow:
    """One measured property, formatted: `value` without its unit.

    `spans` and `place` draw it beside both classes of the training cells; empty where their ranges are unknown.
    """

    name: str
    words: str
    value: str
    unit: str
    spans: tuple[Span, ...] = ()
    place: float = 0.0


@dataclass(frozen=True)
class Crop:
    """The square the network saw, in pixels of the whole picture. input_side: of the network's input, to which it is shrunk."""

    left: int
    top: int
    side: int
    input_side: int


@dataclass(frozen=True)
class SimilarCell:
    """One of the cells most like this one, with what is known of it. `distance` is 0 for an equal one."""

    cell_id: str
    position: int
    case: CaseRef
    words: str
    distance: float


@dataclass(frozen=True)
class CellResult:
    """The part of the cell page that changes when the cell is scored.

    `crop` is None where there is no prediction. `refusal` is set when the state is refused; `failure` is a
    sentence when it is failed. `similar` is None where nobody looked for similar cells; `learned_from` says what the
    nearest training cells are. A `blinded` reader sees
    the picture and nothing a machine said or measured.
    """

    cell_id: str
    state: CellState
    prediction: Prediction | None
    quality: tuple[Note, ...]
    measurements: tuple[MeasurementRow, ...]
    crop: Crop | None
    scaled: bool = False
    earlier: tuple[EarlierPrediction, ...] = ()
    similar: tuple[SimilarCell, ...] | None = None
    learned_from: str = ""
    refusal: Refusal | None = None
    failure: str | None = None
    drawn: bool = False
    blinded: bool = False


@dataclass(frozen=True)
class VerdictEntry:
    """One verdict somebody gave; `reading` names the reading where there are several."""

    verdict: VerdictKind
    reviewer: str
    given_at: datetime
    note: str
    bulk: bool = False
    reading: str = ""
    withdrawn: bool = False


@dataclass(frozen=True)
class VerdictPanel:
    """The verdict form, the verdict that holds, and what was said before, newest first.

    `seen_version` travels back with the form. `blocked` is a sentence when no verdict can be given (signed
    case, viewer, refused cell), `conflict` one when the sent verdict met a newer one. `just_saved` marks the
    answer to a verdict that is now stored.
    """

    cell_id: str
    seen_version: int
    current: VerdictKind | None
    history: tuple[VerdictEntry, ...]
    next_cell_id: str | None
    reader: str
    note: str = ""
    blocked: str | None = None
    conflict: str | None = None
    just_saved: bool = False


@dataclass(frozen=True)
class Voided:
    """Since when a misfiled cell counts nowhere, and why."""

    at: datetime
    by: str
    reason: str


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
    can_void: bool = False
    voided: Voided | None = None


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
