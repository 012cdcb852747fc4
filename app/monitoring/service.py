"""The figures of a site, and the nightly summary that keeps them and moves its alerts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from app.cases.tables import CellState
from app.inference.scorer import ModelRef
from app.monitoring.alerts import Watched, next_level, watched_figures
from app.monitoring.audit_sample import calibration, overridden, sampled, verdicts_of
from app.monitoring.drift import drift_of
from app.monitoring.exposition import ServerCounts
from app.monitoring.figures import (
    MINIMUM_CELLS,
    Alert,
    AlertLevel,
    Day,
    Latency,
    ModelFigures,
    MonitoringFigures,
)
from app.monitoring.repository import MonitoringRepository, Window
from app.monitoring.statistics import share
from app.monitoring.tables import AlertState, Summary
from app.registry.service import RegistryService
from models.classifier import PredictionLabel

WINDOW = timedelta(days=30)
LATENCIES = 2000
DRIFT_CELLS = 2000
"""The newest of them; more would say the same and cost seconds."""

_WORST_FIRST = (AlertLevel.ALERT, AlertLevel.WATCH, AlertLevel.QUIET)
_FIGURES = TypeAdapter(MonitoringFigures)


class MonitoringService:
    """Works inside the caller's unit of work; never commits. stores: folders of bundles."""

    def __init__(self, session: Session, stores: Sequence[Path], now: datetime) -> None:
        self._repository = MonitoringRepository(session)
        self._registry = RegistryService(session, stores, now)
        self._now = now

    def figures(self, site_id: UUID) -> MonitoringFigures:
        """The last 30 days of a site, counted now; its alerts as the last summary left them."""
        window = Window(site_id, self._now - WINDOW, self._now)
        days = self._days(window)
        files = sum(day.scored + day.refused for day in days)
        summary = self._repository.newest_summary(site_id)
        return MonitoringFigures(
            site_id=site_id,
            since=window.since,
            until=window.until,
            days=days,
            refused=share(sum(day.refused for day in days), files, least=MINIMUM_CELLS),
            refusals=self._repository.refusals(window),
            models=tuple(
                self._model(window, model, labels)
                for model, labels in self._repository.labels(window).items()
            ),
            alerts=self.alerts(site_id),
            summarised_at=summary.created_at if summary else None,
        )

    def alerts(self, site_id: UUID) -> tuple[Alert, ...]:
        """Of one site, worst first."""
        rows = self._repository.alerts(site_id)
        rows.sort(key=lambda row: _WORST_FIRST.index(row.level))
        return tuple(Alert(row.watched, row.level, row.since, row.sentence) for row in rows)

    def summarise(self, site_id: UUID) -> MonitoringFigures:
        """Keep today's figures of a site and move its alerts. Twice a day is as good as once."""
        figures = self.figures(site_id)
        before = {row.watched: row for row in self._repository.alerts(site_id)}
        for watched in watched_figures(figures):
            self._repository.keep(self._moved(site_id, watched, before.get(watched.name)))
        kept = _FIGURES.dump_python(figures, mode="json")
        self._repository.keep(
            Summary(site_id=site_id, day=self._now.date(), figures=kept, created_at=self._now)
        )
        return replace(figures, alerts=self.alerts(site_id), summarised_at=self._now)

    def summarise_all(self) -> list[MonitoringFigures]:
        """Every site."""
        return [self.summarise(site_id) for site_id in self._repository.sites()]

    def server_counts(self, *, requests: int, engine_ready: bool) -> ServerCounts:
        """What `/metrics` tells."""
        predictions = self._repository.predictions_by_label()
        latencies = {
            model: _latency(self._repository.newest_latencies(model, LATENCIES)) for model in predictions
        }
        return ServerCounts(
            cells=self._repository.cells_by_state(),
            predictions=predictions,
            latencies_ms={
                model: (found.p50_ms, found.p95_ms)
                for model, found in latencies.items()
                if found.p50_ms is not None and found.p95_ms is not None
            },
            alerts=self._repository.alerts_by_level(),
            requests=requests,
            engine_ready=engine_ready,
        )

    def waiting_longer_than(self, wait: timedelta) -> int:
        """Cells that should have been scored by now."""
        return self._repository.waiting_since_before(self._now - wait)

    def next_due(self) -> UUID | None:
        """A site without a summary of today."""
        for site_id in self._repository.sites():
            newest = self._repository.newest_summary(site_id)
            if newest is None or newest.day < self._now.date():
                return site_id
        return None

    def all_alerts(self) -> list[Alert]:
        """Of every site, those that are not quiet."""
        found = (alert for site_id in self._repository.sites() for alert in self.alerts(site_id))
        return [alert for alert in found if alert.level is not AlertLevel.QUIET]

    def summarised_on(self) -> datetime | None:
        """When the site longest without a summary had one; None where one has none at all."""
        newest = [self._repository.newest_summary(site_id) for site_id in self._repository.sites()]
        moments = [summary.created_at for summary in newest if summary is not None]
        return min(moments) if moments and len(moments) == len(newest) else None

    def _days(self, window: Window) -> tuple[Day, ...]:
        counts: dict[date, dict[CellState, int]] = {}
        for day, state, count in self._repository.days(window):
            counts.setdefault(day, {})[state] = count
        return tuple(
            Day(
                day,
                states.get(CellState.SCORED, 0),
                states.get(CellState.REFUSED, 0) + states.get(CellState.FAILED, 0),
            )
            for day, states in counts.items()
        )

    def _model(self, window: Window, model: ModelRef, labels: dict[PredictionLabel, int]) -> ModelFigures:
        cells = sum(labels.values())
        audited = sampled(self._repository.audited(window, model))
        verdicts = verdicts_of(self._repository.blinded_verdicts([cell.cell_id for cell in audited]))
        seen = self._repository.assessed(window, model, DRIFT_CELLS)
        return ModelFigures(
            name=model.name,
            version=model.version,
            sha256=model.sha256,
            cells=cells,
            labels={
                label: share(labels.get(label, 0), cells, least=MINIMUM_CELLS) for label in PredictionLabel
            },
            latency=_latency(self._repository.latencies(window, model, LATENCIES)),
            audited=len(verdicts),
            overridden=overridden(audited, verdicts),
            calibration=calibration(audited, verdicts),
            drift=drift_of(seen, self._registry.reference(model)),
        )

    def _moved(self, site_id: UUID, watched: Watched, before: AlertState | None) -> AlertState:
        level = next_level(before.level if before else AlertLevel.QUIET, watched.value, watched.thresholds)
        stays = before is not None and before.level is level
        return AlertState(
            site_id=site_id,
            watched=watched.name,
            level=level,
            since=before.since if before and stays else self._now,
            sentence=watched.sentence,
        )


def _latency(milliseconds: list[float]) -> Latency:
    if len(milliseconds) < MINIMUM_CELLS:
        return Latency(len(milliseconds), None, None)
    p50, p95 = np.quantile(milliseconds, (0.5, 0.95))
    return Latency(len(milliseconds), float(p50), float(p95))
