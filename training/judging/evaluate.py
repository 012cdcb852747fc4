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
    band_metrics,
    difference,
    with_interval,
)
from training.calibration.calibrate import cross_fitted
from training.cells.dataset import LabelledCell, read_pixels
from training.judging.baselines import Described, baselines_on_part, baselines_out_of_fold
from training.runs import FINAL, Run

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

COMPARED = {"auroc": "AUROC", "weighted_f1": "weighted F1"}
"""Metrics in which a model is set against the baselines, and how a sentence names them."""


@dataclass(frozen=True)
class Judged:
    """Predictions of one column and its baselines, for the same cells.

    rows: (n,) of the run's cells. p_malignant: (n,) calibrated. baselines: name -> (n,), calibrated alike.
    """

    rows: Rows
    p_malignant: Doubles
    baselines: dict[str, Doubles]


class GroupShare(BaseModel):
    """How the cells of one leak group were called, at 0.5."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    label: str
    cells: int
    called_malignant: float


class Comparison(BaseModel):
    """Figures of a column, its baselines' in `COMPARED`, the paired gains over them, the band's effect, and
    each leak group by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: Figures
    baselines: dict[str, Interval]
    gains: dict[str, Interval]
    band: dict[str, Interval]
    groups: list[GroupShare]


def judge_test_part(run: Run, cells: Described, classifier: Classifier) -> Judged:
    """Classify the frozen test part with a bundle, float16 weights and engine as they are served."""
    split = run.split(FINAL)
    p_malignant = classify_cells(classifier, [run.cells[i] for i in split.test])
    return Judged(split.test, p_malignant, baselines_on_part(cells, run.folds, split))


def judge_out_of_fold(run: Run, cells: Described) -> Judged:
    """Pool the folds that were trained; each is calibrated on the other folds' held-out cells."""
    parts = [run.load(f"fold{fold}", "held_out") for fold in run.folds_done()]
    rows, margin = (np.concatenate([part[name] for part in parts]) for name in ("rows", "margin"))
    p_malignant = cross_fitted(margin, run.malignant[rows], run.groups[rows], run.folds[rows])
    return Judged(rows, p_malignant, baselines_out_of_fold(cells, run.folds, rows))


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
    samples = run.samples(judged.rows)

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
            f"{name}_{metric}": plain(metric, score)
            for name, score in judged.baselines.items()
            for metric in COMPARED
        },
        gains={
            f"{metric}_over_{name}": difference(
                METRICS[metric], judged.p_malignant, score, malignant, samples
            )
            for name, score in judged.baselines.items()
            for metric in COMPARED
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
