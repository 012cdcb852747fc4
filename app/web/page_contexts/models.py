"""Model pages."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from markupsafe import Markup

from app.notice import KNOWN_LIMITS
from app.web.page_contexts.shared import Context, ModelRef
from app.web.words import GateVerdict, ModelState, Verification


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
class ActivationRow:
    """One change of the answering model; the newest is the one that rules."""

    model: ModelRef
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True)
class RetrainingRow:
    """One retraining that reached a verdict; `let_pass_by` names the admins who overrode an open question."""

    number: int
    at: datetime
    champion: str
    challenger: str
    learned_from: str
    snapshot: str
    verdict: GateVerdict
    reasons: tuple[str, ...]
    let_pass_by: str


@dataclass(frozen=True)
class ModelsPage(Context):
    """`/models`: every registered bundle, which answered when, and what was retrained.

    `before` is the model that a rollback goes back to, for who may manage models; `trouble` says why the last
    change was refused.
    """

    template: ClassVar[str] = "models.html"
    models: tuple[ModelRow, ...]
    activations: tuple[ActivationRow, ...]
    retrainings: tuple[RetrainingRow, ...] = ()
    before: ModelRef | None = None
    trouble: str | None = None


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
class Plot:
    """One picture of the bundle's report; `file` names it, `words` say what it shows."""

    file: str
    words: str


@dataclass(frozen=True)
class ModelPage(Context):
    """`/models/{name}/{version}`: the card, the figures and the facts of one bundle.

    `activations` are those of this bundle. `may_activate` offers the form; `trouble` says why the last activation
    was refused, `reason` is what was written then.
    """

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
    plots: tuple[Plot, ...]
    card: Markup | None
    activations: tuple[ActivationRow, ...]
    may_activate: bool = False
    trouble: str | None = None
    reason: str = ""
    known_limits: tuple[str, ...] = KNOWN_LIMITS


@dataclass(frozen=True)
class Compared:
    """One of the two bundles on the page that compares them."""

    model: ModelRef
    state: ModelState
    metrics_note: str


@dataclass(frozen=True)
class ComparedMetric:
    """One metric of both bundles; None where a bundle does not state it."""

    name: str
    left: MetricRow | None
    right: MetricRow | None


@dataclass(frozen=True)
class ComparedFact:
    """One line of both manifests; an empty text where a bundle does not state it."""

    name: str
    left: str
    right: str


@dataclass(frozen=True)
class ModelComparisonPage(Context):
    """`/models/compare`: two bundles side by side; `choices` are all that can be compared."""

    template: ClassVar[str] = "model_comparison.html"
    left: Compared
    right: Compared
    metrics: tuple[ComparedMetric, ...]
    facts: tuple[ComparedFact, ...]
    choices: tuple[ModelRef, ...]
