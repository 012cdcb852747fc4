"""What `/metrics` answers, in Prometheus' text form. Counts of the whole server: no site, case, person or file."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from app.cases.tables import CellState
from app.inference.scorer import ModelRef
from app.monitoring.figures import AlertLevel
from models.classifier import PredictionLabel


@dataclass(frozen=True)
class ServerCounts:
    """What is counted at this moment. requests: inside, on their way to the engine."""

    cells: Mapping[CellState, int]
    predictions: Mapping[ModelRef, Mapping[PredictionLabel, int]]
    latencies_ms: Mapping[ModelRef, tuple[float, float]]
    alerts: Mapping[AlertLevel, int]
    requests: int
    engine_ready: bool


def exposition(counts: ServerCounts) -> bytes:
    """Every label is one of a closed set, or a registered model's id."""
    registry = CollectorRegistry()

    def gauge(name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(f"leukolens_{name}", help_text, labels, registry=registry)

    cells = gauge("cells", "Files taken in, by state", "state")
    for state in CellState:
        cells.labels(state.value).set(counts.cells.get(state, 0))
    predictions = gauge("predictions", "Predictions by label of the model alone", "model", "label")
    for model, labels in counts.predictions.items():
        for label in PredictionLabel:
            predictions.labels(_id(model), label.value).set(labels.get(label, 0))
    latency = gauge("engine_latency_milliseconds", "Of the newest predictions", "model", "quantile")
    for model, (p50, p95) in counts.latencies_ms.items():
        latency.labels(_id(model), "0.5").set(p50)
        latency.labels(_id(model), "0.95").set(p95)
    alerts = gauge("alerts", "Watched figures by level of the last nightly summary", "level")
    for level in AlertLevel:
        alerts.labels(level.value).set(counts.alerts.get(level, 0))
    gauge("requests_inside", "Requests on their way to the engine").set(counts.requests)
    gauge("engine_ready", "1 when the engine answers").set(counts.engine_ready)
    return generate_latest(registry)


def _id(model: ModelRef) -> str:
    return f"{model.name}/{model.version}"
