"""The monitoring page: what one site's cells, models and readers did in a stretch of time."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from app.web.page_contexts.shared import Context, ModelRef
from app.web.words import Tone


@dataclass(frozen=True)
class ShareRow:
    """`count` of `n` and the share with its interval; None while `n` is too small to say anything."""

    name: str
    count: int
    n: int
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class VolumeDay:
    """One day (UTC): cells scored, and files refused or not scored."""

    day: date
    scored: int
    refused: int


@dataclass(frozen=True)
class RefusalCount:
    """How many files were refused for one reason, in words."""

    reason: str
    count: int


@dataclass(frozen=True)
class CalibrationFigure:
    """What was foretold against what blinded readers said; None below the minimum n."""

    n: int
    foretold: float | None
    observed: float | None


@dataclass(frozen=True)
class LatencyFigure:
    """Milliseconds of the engine; None below the minimum n."""

    n: int
    median_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True)
class DriftRow:
    """One test of whether the site's cases look like the people the model learned from."""

    name: str
    test: str
    cases: int
    people: int
    statistic: float | None
    p_value: float | None


@dataclass(frozen=True)
class MonitoredModel:
    """One version of a model at this site; `audited` cells came from the blinded audit sample."""

    model: ModelRef
    cells: int
    labels: tuple[ShareRow, ...]
    audited: int
    overridden: ShareRow
    calibration: CalibrationFigure
    latency: LatencyFigure
    drift: tuple[DriftRow, ...]


@dataclass(frozen=True)
class AlertRow:
    """One watched figure that is not as it was when the model was made."""

    tone: Tone
    level: str
    watched: str
    since: datetime
    sentence: str


@dataclass(frozen=True)
class MonitoringPage(Context):
    """`/monitoring`. `top` is the highest day's number of files; the `minimum_` fields are where silence ends."""

    template: ClassVar[str] = "monitoring.html"
    since: datetime
    until: datetime
    days: tuple[VolumeDay, ...]
    top: int
    refused: ShareRow
    refusals: tuple[RefusalCount, ...]
    models: tuple[MonitoredModel, ...]
    alerts: tuple[AlertRow, ...]
    summarised_at: datetime | None
    minimum_cells: int
    minimum_audited: int
    minimum_cases: int
