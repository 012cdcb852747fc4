"""Samples of the monitoring page: a site with something to say, and one that is silent."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from app.monitoring.figures import (
    Alert,
    AlertLevel,
    Calibration,
    Day,
    Drift,
    Latency,
    ModelFigures,
    MonitoringFigures,
    Share,
)
from app.web.monitoring_contexts import monitoring_page
from app.web.page_contexts import Chrome
from app.web.words import PredictionLabel
from tests.web.sample import ADMIN, DIGEST, MODEL, NOW, Sample

SILENT = Share(3, 12, None, None, None)

MODEL_FIGURES = ModelFigures(
    name=MODEL.name,
    version=MODEL.version,
    sha256=DIGEST,
    cells=412,
    labels={
        PredictionLabel.MALIGNANT: Share(251, 412, 0.609, 0.561, 0.655),
        PredictionLabel.HEALTHY: Share(88, 412, 0.214, 0.177, 0.256),
        PredictionLabel.INDETERMINATE: Share(61, 412, 0.148, 0.117, 0.186),
        PredictionLabel.NOT_ASSESSABLE: Share(12, 412, 0.029, 0.017, 0.05),
    },
    latency=Latency(412, 38.2, 96.7),
    audited=46,
    overridden=Share(5, 41, 0.122, 0.053, 0.255),
    calibration=Calibration(41, 0.681, 0.585),
    drift=(
        Drift("area_px2", "ks", 11, 34, 0.31, 0.042),
        Drift("measurements", "mean_shift", 11, 34, 1.84, 0.212),
        Drift("embedding", "mean_shift", 4, 34, None, None),
    ),
)

MONITORING = MonitoringFigures(
    site_id=UUID(int=1),
    since=NOW - timedelta(days=30),
    until=NOW,
    days=tuple(
        Day((NOW - timedelta(days=29 - number)).date(), (number * 7) % 31, number % 4) for number in range(30)
    ),
    refused=Share(45, 457, 0.098, 0.074, 0.129),
    refusals={"image_wrong_size": 31, "image_not_segmented": 14},
    models=(
        MODEL_FIGURES,
        replace(
            MODEL_FIGURES,
            version="0.2.0",
            cells=12,
            labels=dict.fromkeys(PredictionLabel, SILENT),
            latency=Latency(12, None, None),
            audited=2,
            overridden=SILENT,
            calibration=Calibration(2, None, None),
            drift=(),
        ),
    ),
    alerts=(
        Alert(
            "refusals",
            AlertLevel.ALERT,
            NOW - timedelta(days=2),
            "More files are refused than before. Look at what the segmentation writes.",
        ),
        Alert(
            "area_px2",
            AlertLevel.WATCH,
            NOW - timedelta(days=9),
            "Cells are larger than those of the training people. Check the scale of the camera.",
        ),
    ),
    summarised_at=NOW - timedelta(hours=11),
)

SILENT_SITE = replace(
    MONITORING, days=(), refused=SILENT, refusals={}, models=(), alerts=(), summarised_at=None
)


def monitoring_samples() -> tuple[Sample, ...]:
    return (
        Sample("monitoring", Chrome("/monitoring", ADMIN, MODEL), monitoring_page(MONITORING)),
        Sample("monitoring-silent", Chrome("/monitoring?silent", ADMIN, MODEL), monitoring_page(SILENT_SITE)),
    )
