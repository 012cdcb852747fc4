"""The two columns of figures: these weights on the test part, and the procedure out of fold."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from models.bundle import Band, Figures, Interval
from models.classifier import Classifier
from models.labels import LABELS
from models.metrics import (
    DECISION,
    METRICS,
    auroc,
    band_metrics,
    difference,
    group_resamples,
    weighted_f1,
    with_interval,
)
from models.preprocessing import Floats
from training.baselines import area_score, boosted_probabilities
from training.calibrate import cross_fitted
from training.dataset import LabelledCell, read_pixels
from training.runs import FINAL, Run

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Judged:
    """Predictions of one column and its baselines, for the same cells.

    rows: (n,) of the run's cells. p_malignant: (n,) calibrated. area: (n,) pixels. boosted: (n,) p_malignant
    of the measurements-only trees.
    """

    rows: Rows
    p_malignant: Doubles
    area: Doubles
    boosted: Doubles


class GroupShare(BaseModel):
    """How the cells of one leak group were called, at 0.5."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    label: str
    cells: int
    called_malignant: float


class Comparison(BaseModel):
    """Figures of a column, its baselines' AUROC and F1, the paired gains over them, the band's effect, and
    each leak group by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: Figures
    baselines: dict[str, Interval]
    gains: dict[str, Interval]
    band: dict[str, Interval]
    groups: list[GroupShare]


def judge_test_part(run: Run, measurements: Floats, classifier: Classifier) -> Judged:
    """Classify the frozen test part with a bundle, float16 weights and engine as they are served."""
    split = run.split(FINAL)
    p_malignant = classify_cells(classifier, [run.cells[i] for i in split.test])
    return _with_baselines(run, measurements, split.train, split.test, p_malignant)


def judge_out_of_fold(run: Run, measurements: Floats) -> Judged:
    """Pool the folds that were trained; each is calibrated on the other folds' held-out cells."""
    parts = [(fold, run.load(f"fold{fold}", "held_out")) for fold in run.folds_done()]
    folds = np.concatenate([np.full(len(part["rows"]), fold) for fold, part in parts])
    rows = np.concatenate([part["rows"] for _, part in parts])
    margin = np.concatenate([part["margin"] for _, part in parts])
    p_malignant = cross_fitted(margin, run.malignant[rows], folds)
    boosted = [
        _with_baselines(
            run, measurements, run.split(f"fold{fold}").train, part["rows"], part["margin"]
        ).boosted
        for fold, part in parts
    ]
    return Judged(rows, p_malignant, area_score(measurements[rows]), np.concatenate(boosted))


def classify_cells(classifier: Classifier, cells: Sequence[LabelledCell]) -> Doubles:
    """p_malignant of cells on disk, read while the engine works."""

    def p_malignant(cell: LabelledCell) -> float:
        return classifier.classify([read_pixels(cell)])[0].p_malignant

    with ThreadPoolExecutor(classifier.engine.streams) as pool:
        return np.array(list(pool.map(p_malignant, cells)))


def compare(
    run: Run, judged: Judged, *, description: str, command: str, band: Band | None = None
) -> Comparison:
    """All metrics with intervals over leak groups, and paired gains over the baselines."""
    malignant, groups = run.malignant[judged.rows], run.groups[judged.rows]
    samples = group_resamples(malignant, groups, seed=run.profile.seed)

    def plain(metric: str, score: Doubles) -> Interval:
        return with_interval(METRICS[metric], score, malignant, samples)

    return Comparison(
        figures=Figures(
            description=description,
            command=command,
            cells=len(judged.rows),
            malignant_groups=len(set(groups[malignant])),
            healthy_groups=len(set(groups[~malignant])),
            metrics={name: plain(name, judged.p_malignant) for name in METRICS},
        ),
        baselines={
            "area_auroc": plain("auroc", judged.area),
            "measurements_auroc": plain("auroc", judged.boosted),
            "measurements_weighted_f1": plain("weighted_f1", judged.boosted),
        },
        gains={
            "auroc_over_area": difference(auroc, judged.p_malignant, judged.area, malignant, samples),
            "auroc_over_measurements": difference(
                auroc, judged.p_malignant, judged.boosted, malignant, samples
            ),
            "weighted_f1_over_measurements": difference(
                weighted_f1, judged.p_malignant, judged.boosted, malignant, samples
            ),
        },
        band={
            name: with_interval(metric, judged.p_malignant, malignant, samples)
            for name, metric in (band_metrics(band) if band else {}).items()
        },
        groups=group_shares(judged.p_malignant, malignant, groups),
    )


def group_shares(
    p_malignant: Doubles, malignant: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]
) -> list[GroupShare]:
    """One entry a leak group, malignant groups first, by name."""
    shares = []
    for name in sorted(set(groups.tolist()), key=lambda name: (not malignant[groups == name][0], name)):
        own = groups == name
        label = LABELS[0] if malignant[own][0] else LABELS[1]
        called = float((p_malignant[own] >= DECISION).mean())
        shares.append(
            GroupShare(group=name, label=label, cells=int(own.sum()), called_malignant=round(called, 4))
        )
    return shares


def _with_baselines(
    run: Run, measurements: Floats, learned: Rows, rows: Rows, p_malignant: Doubles
) -> Judged:
    boosted = boosted_probabilities(
        measurements[learned],
        run.malignant[learned],
        run.groups[learned],
        measurements[rows],
        seed=run.profile.seed,
    )
    return Judged(rows, p_malignant, area_score(measurements[rows]), boosted)
