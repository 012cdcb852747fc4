"""What each page needs to be drawn: one frozen dataclass per template, its fields the template's variables.

Plain values only. A door fills one from what its service returned and gives it to `rendering.render`.
Times may be naive: they are read as UTC. Probabilities and shares are 0..1.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.notice import INTENDED_USE, KNOWN_LIMITS, PERSON_DECIDES
from app.web.words import (
    CaseState,
    CellState,
    ModelState,
    PredictionLabel,
    Role,
    Tone,
    VerdictKind,
    Verification,
)

# Shared by every page.


@dataclass(frozen=True)
class SignedIn:
    """The person whose session it is."""

    name: str
    role: Role


@dataclass(frozen=True)
class ModelRef:
    """One bundle, as a link."""

    name: str
    version: str


@dataclass(frozen=True)
class Flash:
    """One message about what the last request did."""

    tone: Tone
    text: str


@dataclass(frozen=True)
class Chrome:
    """What surrounds the content of every page.

    `path` is the path of the request (it marks the place in the navigation); `model` is the active bundle;
    `environment_warning` is a sentence about an unsafe installation, http without encryption for instance.
    """

    path: str
    user: SignedIn | None
    model: ModelRef | None
    flash: Flash | None = None
    environment_warning: str | None = None
    intended_use: str = INTENDED_USE
    person_decides: str = PERSON_DECIDES


@dataclass(frozen=True)
class Context:
    """A template's variables; `template` names the template."""

    template: ClassVar[str]


# Cases and cells.


@dataclass(frozen=True)
class CaseRef:
    """One case, as a link; without an accession it is shown by the start of its id."""

    id: str
    accession: str | None
    state: CaseState = CaseState.OPEN


@dataclass(frozen=True)
class LabelCounts:
    """How many cells carry each predicted label."""

    malignant: int = 0
    healthy: int = 0
    indeterminate: int = 0
    not_assessable: int = 0


@dataclass(frozen=True)
class VerdictCounts:
    """How many cells carry each current verdict, and how many have none."""

    malignant_lymphoblast: int = 0
    normal_precursor: int = 0
    uncertain: int = 0
    other_or_artefact: int = 0
    none: int = 0


@dataclass(frozen=True)
class Refusal:
    """Why one file or cell was not taken; `code` is the API's problem code."""

    code: str
    title: str
    detail: str


@dataclass(frozen=True)
class CaseRow:
    """One line of a case list. `cells` counts the stored ones, refused ones apart."""

    case: CaseRef
    created_at: datetime
    created_by: str | None
    cells: int
    waiting: int
    refused: int
    labels: LabelCounts
    with_verdict: int
    drawn: bool = False


@dataclass(frozen=True)
class UploadPage(Context):
    """`/`: choose images, see what is expected, continue a recent case.

    `into_case` adds to that case instead of opening one; `newcomer` puts the drawn sample first;
    `batch_size` files travel in one request, each of at most `max_image_bytes`.
    """

    template: ClassVar[str] = "upload.html"
    can_upload: bool
    newcomer: bool
    into_case: CaseRef | None
    accession: str
    recent: tuple[CaseRow, ...]
    max_image_bytes: int = 2 * 1024 * 1024
    batch_size: int = 8


@dataclass(frozen=True)
class StateCount:
    """How many cases are in one state."""

    state: CaseState
    count: int


@dataclass(frozen=True)
class CasesPage(Context):
    """`/cases`: the list, searched by accession, filtered by state, paged by cursor.

    `total` counts what matches search and state; `cursor` is the one of this page, None on the first.
    """

    template: ClassVar[str] = "cases.html"
    rows: tuple[CaseRow, ...]
    search: str
    state: CaseState | None
    state_counts: tuple[StateCount, ...]
    total: int
    cursor: str | None
    next_cursor: str | None


@dataclass(frozen=True)
class Tile:
    """One cell in the gallery; `position` counts from 1 in upload order."""

    cell_id: str
    position: int
    state: CellState
    label: PredictionLabel | None
    malignant: float | None
    verdict: VerdictKind | None
    drawn: bool = False


@dataclass(frozen=True)
class RefusedCell:
    """One cell that was stored as refused."""

    position: int
    refusal: Refusal


@dataclass(frozen=True)
class Gallery:
    """The part of the case page that changes while cells are being scored.

    `waiting` above 0 makes the page ask again every few seconds; the counts are over the whole case,
    `tiles` over this page of it.
    """

    case_id: str
    state: CaseState
    tiles: tuple[Tile, ...]
    refused: tuple[RefusedCell, ...]
    cells: int
    waiting: int
    failed: int
    labels: LabelCounts
    verdicts: VerdictCounts
    cursor: str | None = None
    next_cursor: str | None = None


@dataclass(frozen=True)
class CasePage(Context):
    """`/cases/{id}`: the gallery of one case."""

    template: ClassVar[str] = "case.html"
    case: CaseRef
    created_at: datetime
    created_by: str | None
    can_upload: bool
    drawn: bool
    has_acquisition_profile: bool
    gallery: Gallery
    known_limits: tuple[str, ...] = KNOWN_LIMITS


@dataclass(frozen=True)
class GalleryPartial(Context):
    """`/cases/{id}/tiles`: the gallery alone."""

    template: ClassVar[str] = "partials/gallery.html"
    gallery: Gallery


@dataclass(frozen=True)
class Probabilities:
    """Calibrated probabilities of one cell; inside the band of the malignant one there is no class."""

    malignant: float
    healthy: float
    band_low: float
    band_high: float


@dataclass(frozen=True)
class Note:
    """One reason or quality remark, in a sentence."""

    code: str
    text: str
    tone: Tone = Tone.NOTE


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


# Models.


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class ModelRow:
    """One line of the model list."""

    model: ModelRef
    architecture: str
    state: ModelState
    verification: Verification
    created_at: datetime | None
    sha256: str
    headline: str


@dataclass(frozen=True)
class ModelsPage(Context):
    """`/models`: every registered bundle."""

    template: ClassVar[str] = "models.html"
    models: tuple[ModelRow, ...]


@dataclass(frozen=True)
class Fact:
    """One line of the manifest."""

    name: str
    value: str


@dataclass(frozen=True)
class MetricRow:
    """One metric: of the procedure (out of fold) and of these weights (test part)."""

    name: str
    procedure: Estimate | None
    weights: Estimate | None


@dataclass(frozen=True)
class CardBlock:
    """One block of a card's text. `kind` is heading, paragraph, list, table or code.

    `lines` are the items, or the one text; `rows` are a table's, the first its head.
    """

    kind: str
    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    level: int = 0


@dataclass(frozen=True)
class ModelPage(Context):
    """`/models/{name}/{version}`: the card, the figures and the facts of one bundle."""

    template: ClassVar[str] = "model.html"
    model: ModelRef
    state: ModelState
    sha256: str
    verification: Verification
    verified_at: datetime | None
    verification_detail: str | None
    facts: tuple[Fact, ...]
    metrics: tuple[MetricRow, ...]
    metrics_note: str
    card: tuple[CardBlock, ...]
    known_limits: tuple[str, ...] = KNOWN_LIMITS


# The REST API, for a reader.


@dataclass(frozen=True)
class Field:
    """One thing a request may carry; `place` says where (header, query, path or the body's form)."""

    name: str
    place: str
    required: bool
    text: str


@dataclass(frozen=True)
class Operation:
    """One route of the REST API; `answers` are status codes."""

    method: str
    path: str
    summary: str
    fields: tuple[Field, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class ReferencePage(Context):
    """`/api`: what lab systems may ask."""

    template: ClassVar[str] = "reference.html"
    operations: tuple[Operation, ...]


# Accounts and problems.


@dataclass(frozen=True)
class LoginPage(Context):
    """`/login`. `next` is the local path to go to afterwards; `error` says why the last attempt failed."""

    template: ClassVar[str] = "login.html"
    next: str
    email: str = ""
    error: str | None = None


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a form."""

    field: str
    text: str


@dataclass(frozen=True)
class SetupPage(Context):
    """`/setup/{token}`: the one-time form that creates the first admin."""

    template: ClassVar[str] = "setup.html"
    token: str
    email: str = ""
    name: str = ""
    errors: tuple[FieldError, ...] = ()
    min_password_length: int = 12


@dataclass(frozen=True)
class ErrorPage(Context):
    """A problem, for a person: the fields of RFC 9457 and the next step."""

    template: ClassVar[str] = "error.html"
    status: int
    title: str
    detail: str
    code: str
    what_to_do: str


@dataclass(frozen=True)
class UserRow:
    """One account."""

    name: str
    email: str
    role: Role
    active: bool
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True)
class KeyRow:
    """One API key, without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class AdminPage(Context):
    """`/admin`: accounts and keys of the site."""

    template: ClassVar[str] = "admin.html"
    users: tuple[UserRow, ...]
    keys: tuple[KeyRow, ...]
