"""The upload page, the case list, one case's gallery."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.notice import KNOWN_LIMITS
from app.web.page_contexts.shared import CaseRef, CaseRow, Context, LabelCounts, Refusal, VerdictCounts
from app.web.words import CaseState, CellState, PredictionLabel, VerdictKind


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
