"""Fills the monitoring page from the figures of a site; pure, so that it can be tested without a server."""

from datetime import timedelta
from typing import Final

from app.monitoring.figures import (
    MINIMUM_AUDITED,
    MINIMUM_CASES,
    MINIMUM_CELLS,
    Alert,
    AlertLevel,
    Drift,
    ModelFigures,
    MonitoringFigures,
    Share,
)
from app.web import page_contexts as pages
from app.web.measured import PROPERTIES
from app.web.words import LABEL_WORDS, Tone, refusal_title

ALERT_TONES: Final = {
    AlertLevel.QUIET: Tone.GOOD,
    AlertLevel.WATCH: Tone.WARNING,
    AlertLevel.ALERT: Tone.BAD,
}
ALERT_WORDS: Final = {AlertLevel.QUIET: "Quiet", AlertLevel.WATCH: "Watch", AlertLevel.ALERT: "Alert"}
TEST_WORDS: Final = {"ks": "Kolmogorov-Smirnov", "mean_shift": "Shift of the mean, by permutation"}
WATCHED_WORDS: Final = {
    "measurements": "All measurements together",
    "embedding": "Embedding, what the network sees",
}


def monitoring_page(figures: MonitoringFigures) -> pages.MonitoringPage:
    return pages.MonitoringPage(
        since=figures.since,
        until=figures.until,
        days=_every_day(figures),
        top=max((day.scored + day.refused for day in figures.days), default=0),
        refused=_share_row("Refused or not scored", figures.refused),
        refusals=tuple(
            pages.RefusalCount(refusal_title(code), count)
            for code, count in sorted(figures.refusals.items(), key=lambda item: -item[1])
        ),
        models=tuple(_model(model) for model in figures.models),
        alerts=tuple(_alert(alert) for alert in figures.alerts if alert.level is not AlertLevel.QUIET),
        summarised_at=figures.summarised_at,
        minimum_cells=MINIMUM_CELLS,
        minimum_audited=MINIMUM_AUDITED,
        minimum_cases=MINIMUM_CASES,
    )


def _every_day(figures: MonitoringFigures) -> tuple[pages.VolumeDay, ...]:
    """The days of the window, those on which nothing came, too."""
    busy = {day.day: day for day in figures.days}
    first, last = figures.since.date(), figures.until.date()
    window = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return tuple(
        pages.VolumeDay(day, busy[day].scored, busy[day].refused)
        if day in busy
        else pages.VolumeDay(day, 0, 0)
        for day in window
    )


def _model(model: ModelFigures) -> pages.MonitoredModel:
    latency, calibration = model.latency, model.calibration
    return pages.MonitoredModel(
        model=pages.ModelRef(model.name, model.version),
        cells=model.cells,
        labels=tuple(_share_row(LABEL_WORDS[label], share) for label, share in model.labels.items()),
        audited=model.audited,
        overridden=_share_row("Named the other class", model.overridden),
        calibration=pages.CalibrationFigure(calibration.n, calibration.foretold, calibration.observed),
        latency=pages.LatencyFigure(latency.n, latency.p50_ms, latency.p95_ms),
        drift=tuple(_drift_row(drift) for drift in model.drift),
    )


def _share_row(name: str, share: Share) -> pages.ShareRow:
    return pages.ShareRow(name, share.count, share.n, share.value, share.low, share.high)


def _drift_row(drift: Drift) -> pages.DriftRow:
    return pages.DriftRow(
        name=watched_words(drift.name),
        test=TEST_WORDS.get(drift.test, drift.test),
        cases=drift.cases,
        people=drift.training_people,
        statistic=drift.statistic,
        p_value=drift.p_value,
    )


def _alert(alert: Alert) -> pages.AlertRow:
    return pages.AlertRow(
        ALERT_TONES[alert.level],
        ALERT_WORDS[alert.level],
        watched_words(alert.watched),
        alert.since,
        alert.sentence,
    )


def watched_words(name: str) -> str:
    """A measurement, a drift test or a rate in a reader's words."""
    if name in PROPERTIES:
        return PROPERTIES[name].words
    return WATCHED_WORDS.get(name, name.replace("_", " ").capitalize())
