"""Model pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.notice import KNOWN_LIMITS
from app.web.page_contexts.shared import Context, ModelRef
from app.web.words import ModelState, Verification


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
