"""What monitoring says of one site: plain values, every figure with its n, None where it stays silent."""

import math
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.classifier import PredictionLabel

MINIMUM_CELLS = 50
"""Fewer cells than this say nothing about a share."""

MINIMUM_AUDITED = 30
"""Fewer blinded verdicts than this say nothing about agreement or calibration."""

MINIMUM_CASES = 8
"""A drift test compares cases with the training people; fewer cases than this are no sample."""


class AlertLevel(StrEnum):
    """How far something is from what it was when the model was made; drift, refusals and overrides share it."""

    QUIET = "quiet"
    WATCH = "watch"
    ALERT = "alert"


@dataclass(frozen=True)
class Share:
    """`count` of `n`. value, low, high: the share with its 95 % interval (Wilson); None below the minimum n."""

    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Day:
    """How many files came on one day (UTC): cells with a prediction, and files refused or not scored."""

    day: date
    scored: int
    refused: int


@dataclass(frozen=True)
class Latency:
    """Milliseconds from the hand-over to the engine to its answer; None below the minimum n."""

    n: int
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True)
class Calibration:
    """What was foretold against what blinded readers said, on the audit sample.

    n: audited cells with a probability and a verdict that names a class. foretold, observed: mean p_malignant
    and share called malignant by readers; None below the minimum n.
    """

    n: int
    foretold: float | None
    observed: float | None


@dataclass(frozen=True)
class Drift:
    """Whether the site's cases look like the people the model learned from; the unit is a case or a person.

    name: a measurement, `measurements` (all of them together) or `embedding`. test: `ks` or `mean_shift`
    (permutation of cases and people). p_value: not corrected for the number of tests; None below the
    minimum n. training_people: leak groups in the model's reference set.
    """

    name: str
    test: str
    cases: int
    training_people: int
    statistic: float | None
    p_value: float | None

    def corrected(self, tests: int) -> float | None:
        """-log10 of p after Bonferroni's correction for `tests` tests: 0 is nothing, 2 one in a hundred."""
        if self.p_value is None:
            return None
        return -math.log10(min(max(self.p_value, 1e-12) * tests, 1.0))


@dataclass(frozen=True)
class ModelFigures:
    """One version of a model at one site. cells: with a prediction by it, voided and drawn ones left out.

    overridden: audited cells with a class from both where the blinded reader named the other one.
    """

    name: str
    version: str
    sha256: str
    cells: int
    labels: dict[PredictionLabel, Share]
    latency: Latency
    audited: int
    overridden: Share
    calibration: Calibration
    drift: tuple[Drift, ...]

    @property
    def indeterminate(self) -> Share:
        return self.labels[PredictionLabel.INDETERMINATE]

    @property
    def not_assessable(self) -> Share:
        return self.labels[PredictionLabel.NOT_ASSESSABLE]


@dataclass(frozen=True)
class Alert:
    """A watched figure and its level. since: when it came to this level. sentence: what is seen, what to do."""

    watched: str
    level: AlertLevel
    since: datetime
    sentence: str


@dataclass(frozen=True)
class MonitoringFigures:
    """Everything about one site between two moments.

    refused: share of files refused or not scored; refusals: their number by code. alerts: worst first, as the
    last nightly summary left them. summarised_at: when that was, None before the first.
    """

    site_id: UUID
    since: datetime
    until: datetime
    days: tuple[Day, ...]
    refused: Share
    refusals: dict[str, int]
    models: tuple[ModelFigures, ...]
    alerts: tuple[Alert, ...]
    summarised_at: datetime | None
