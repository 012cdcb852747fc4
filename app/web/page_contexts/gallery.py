"""One case's gallery: its tiles, what changes while people work, and the whole page."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from app.notice import KNOWN_LIMITS
from app.web.page_contexts.shared import CaseRef, Context, LabelCounts, Refusal, VerdictCounts
from app.web.words import CaseState, CellState, PredictionLabel, VerdictKind


class Order(StrEnum):
    """How tiles lie. Random is a blinded reader's, the same at every visit."""

    UNCERTAIN = "uncertain"
    UPLOAD = "upload"
    RANDOM = "random"


@dataclass(frozen=True)
class Saved:
    """The verdict that holds on a tile's cell."""

    verdict: VerdictKind
    author: str
    bulk: bool = False


@dataclass(frozen=True)
class Tile:
    """One cell in the gallery; `position` counts from 1 in upload order.

    `seen` is the number of the newest verdict and travels back with the next one. `readers` are the verdicts of
    two readers who differ. `disagrees`: a person and the model chose different classes. `conflict` is a sentence
    when a verdict sent for this cell met a newer one and was not saved.
    """

    cell_id: str
    position: int
    state: CellState
    label: PredictionLabel | None
    malignant: float | None
    saved: Saved | None
    seen: int = 0
    readers: tuple[VerdictKind, VerdictKind] | None = None
    remarks: int = 0
    disagrees: bool = False
    drawn: bool = False
    blinded: bool = False
    voided: bool = False
    conflict: str | None = None


@dataclass(frozen=True)
class RefusedCell:
    """One cell that was stored as refused."""

    position: int
    refusal: Refusal


@dataclass(frozen=True)
class Choice:
    """One value of a filter, in words."""

    value: str
    words: str
    chosen: bool


@dataclass(frozen=True)
class Filter:
    """One filter of the gallery; `name` is its parameter in the address."""

    name: str
    words: str
    choices: tuple[Choice, ...]

    @property
    def active(self) -> bool:
        """Whether it narrows the tiles."""
        return any(choice.chosen and choice.value for choice in self.choices)


@dataclass(frozen=True)
class Summary:
    """What changes while cells are scored and people give verdicts: counts over the whole case.

    `address` is the gallery's own. `asked` and `version` travel back with the next question for news. `labels`
    is None for a blinded reader.
    """

    address: str
    state: CaseState
    cells: int
    waiting: int
    failed: int
    labels: LabelCounts | None
    verdicts: VerdictCounts
    asked: datetime
    version: int


@dataclass(frozen=True)
class Scale:
    """A bar of `micrometres`, `css_px` long beside pictures drawn at the gallery's one scale."""

    micrometres: float
    css_px: float


@dataclass(frozen=True)
class Gallery:
    """Some of the tiles: those that match the filters, in order, from one place on.

    `address` is the gallery's own. `matching` counts all tiles that match. `more` asks for those behind the
    last tile, None at the end; `first` for the first ones, None on their own page. `order_note` says how they
    lie; `scale` is None where the case states none; `blocked` why nobody may judge.
    """

    address: str
    tiles: tuple[Tile, ...]
    filters: tuple[Filter, ...]
    order_note: str
    cells: int
    matching: int
    blocked: str | None = None
    first: str | None = None
    more: str | None = None
    scale: Scale | None = None

    @property
    def narrowed(self) -> bool:
        return any(each.active for each in self.filters if each.name != "order")


@dataclass(frozen=True)
class CasePage(Context):
    """`/cases/{id}`: the gallery of one case. A `blinded` reader `may_read_first` instead, with the model's answers."""

    template: ClassVar[str] = "case.html"
    case: CaseRef
    created_at: datetime
    created_by: str | None
    can_upload: bool
    drawn: bool
    profile_warnings: tuple[str, ...]
    blinded: bool
    may_read_first: bool
    reader: str
    summary: Summary
    gallery: Gallery
    refused: tuple[RefusedCell, ...]
    known_limits: tuple[str, ...] = KNOWN_LIMITS


@dataclass(frozen=True)
class TilesPartial(Context):
    """`/cases/{id}/tiles`: the next tiles."""

    template: ClassVar[str] = "partials/tiles.html"
    gallery: Gallery


@dataclass(frozen=True)
class NewsPartial(Context):
    """`/cases/{id}/news`: the counts, and the tiles that changed since somebody asked last."""

    template: ClassVar[str] = "partials/news.html"
    summary: Summary
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class SavedPartial(Context):
    """The answer to verdicts sent by the gallery's script: the tiles as they are now."""

    template: ClassVar[str] = "partials/saved.html"
    tiles: tuple[Tile, ...]
