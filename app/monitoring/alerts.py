"""When a watched figure becomes an alert, and when it stops being one. Pure.

Two thresholds a level: a figure must pass the outer one to rise, and come back below the inner one to fall, so that a
figure that sways around a threshold does not blink.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from app.monitoring.figures import AlertLevel, Drift, ModelFigures, MonitoringFigures, Share


@dataclass(frozen=True)
class Thresholds:
    """Ascending: back to quiet below `calm`, watched from `watch`, back to watched below `ease`, alert from `alert`."""

    calm: float
    watch: float
    ease: float
    alert: float


REFUSED = Thresholds(0.05, 0.10, 0.15, 0.25)
NOT_ASSESSABLE = Thresholds(0.03, 0.06, 0.10, 0.20)
INDETERMINATE = Thresholds(0.45, 0.55, 0.65, 0.75)
OVERRIDDEN = Thresholds(0.08, 0.12, 0.15, 0.20)
MISCALIBRATED = Thresholds(0.06, 0.10, 0.12, 0.18)
DRIFT = Thresholds(1.0, 1.5, 1.5, 2.5)
"""For drift the figure is -log10 of p, corrected for the number of tests: 2 is one in a hundred."""


@dataclass(frozen=True)
class Watched:
    """One figure as alerts see it. value: the cautious end of its interval, None while it is silent."""

    name: str
    value: float | None
    thresholds: Thresholds
    sentence: str


def next_level(before: AlertLevel, value: float | None, limits: Thresholds) -> AlertLevel:
    """The level after a new value; a silent figure keeps the level it had."""
    if value is None:
        return before
    if value >= limits.alert or (before is AlertLevel.ALERT and value >= limits.ease):
        return AlertLevel.ALERT
    if value >= limits.watch or (before is not AlertLevel.QUIET and value >= limits.calm):
        return AlertLevel.WATCH
    return AlertLevel.QUIET


def watched_figures(figures: MonitoringFigures) -> list[Watched]:
    """Everything that can raise an alert at a site."""
    found = [
        Watched(
            "refused files",
            figures.refused.low,
            REFUSED,
            f"{_said(figures.refused)} of the files were refused or not scored. Look at the refusal codes.",
        )
    ]
    for model in figures.models:
        found.extend(_of_model(model))
    return found


def _of_model(model: ModelFigures) -> Iterator[Watched]:
    name = f"{model.name}/{model.version}"
    yield Watched(
        f"{name} not assessable",
        model.not_assessable.low,
        NOT_ASSESSABLE,
        f"{_said(model.not_assessable)} of the cells are not assessable. Look at their reasons: focus, stain, size.",
    )
    yield Watched(
        f"{name} indeterminate",
        model.indeterminate.low,
        INDETERMINATE,
        f"{_said(model.indeterminate)} of the cells are indeterminate. Run `leukolens validate` on labelled cells.",
    )
    yield Watched(
        f"{name} overridden",
        model.overridden.low,
        OVERRIDDEN,
        f"Blinded readers named the other class for {_said(model.overridden)} of the audited cells.",
    )
    gap, found = None, model.calibration
    if found.foretold is not None and found.observed is not None:
        gap = abs(found.foretold - found.observed)
    yield Watched(
        f"{name} calibration",
        gap,
        MISCALIBRATED,
        f"Foretold and observed shares of malignant cells differ by {0 if gap is None else gap:.0%} on audited cells.",
    )
    yield from (_drift(name, drift, len(model.drift)) for drift in model.drift)


def _drift(model: str, drift: Drift, tests: int) -> Watched:
    sentence = f"{drift.name} of {drift.cases} cases differs from the {drift.training_people} training people. Check stain, focus and scale."
    return Watched(f"{model} drift {drift.name}", drift.corrected(tests), DRIFT, sentence)


def _said(found: Share) -> str:
    return f"{found.count} of {found.n}"
