"""Plots of a run: ROC, reliability, training curve. No pictures of the data set's cells."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.columns import PROCEDURE, THESE_WEIGHTS, read_column
from training.curve import CURVE, read_curve
from training.evaluate import Judged
from training.runs import Run

mpl.use("Agg")

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

COLUMN_NAMES = {THESE_WEIGHTS: "These weights, test part", PROCEDURE: "The procedure, out of fold"}


def write_report(run: Run) -> list[Path]:
    """Draw every plot the run has the numbers for; returns the files."""
    folder = run.folder / "report"
    folder.mkdir(exist_ok=True)
    drawn: list[tuple[str, Figure]] = [("training.png", training_curves(run))]
    for column, title in COLUMN_NAMES.items():
        found = read_column(run, column)
        if found is not None:
            judged = found[1]
            drawn.append((f"{column}.png", column_figure(judged, run.malignant[judged.rows], title)))
    for name, figure in drawn:
        figure.savefig(folder / name, dpi=110, metadata={"Software": None})
    return [folder / name for name, _ in drawn]


def column_figure(judged: Judged, malignant: Bools, title: str) -> Figure:
    """ROC beside the baselines, reliability, and the two classes' probabilities."""
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    figure.suptitle(f"{title} ({len(malignant)} cells)")
    roc, reliability, histogram = figure.subplots(1, 3)
    scores = {"model": judged.p_malignant, "measurements, trees": judged.boosted, "area alone": judged.area}
    for name, score in scores.items():
        roc.plot(*roc_points(score, malignant), label=name)
    roc.plot([0, 1], [0, 1], "k:", linewidth=0.8)
    roc.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC")
    roc.legend()
    _draw_reliability(reliability, judged.p_malignant, malignant)
    for side, name in ((malignant, "malignant"), (~malignant, "healthy")):
        histogram.hist(judged.p_malignant[side], bins=np.linspace(0, 1, 26), alpha=0.6, label=name)
    histogram.set(xlabel="p_malignant", ylabel="cells", title="Predictions by true class")
    histogram.legend()
    return figure


def training_curves(run: Run) -> Figure:
    """AUROC on single patches of held-out cells while the last block trains."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for path in sorted(run.folder.glob(f"*/{CURVE}")):
        curve = read_curve(path)
        axes.plot(curve["step"], curve["held_out_auroc"], marker="o", label=path.parent.name)
    axes.set(xlabel="step", ylabel="held-out AUROC, one patch a cell", title="Training of the last block")
    axes.legend()
    return figure


def roc_points(score: Doubles, malignant: Bools) -> tuple[Doubles, Doubles]:
    """1 - specificity and sensitivity at every threshold: (n + 1,), (n + 1,), both rising from 0 to 1."""
    order = np.argsort(-score, kind="stable")
    hits = np.concatenate([[0], np.cumsum(malignant[order])])
    misses = np.concatenate([[0], np.cumsum(~malignant[order])])
    return misses / misses[-1], hits / hits[-1]


def _draw_reliability(axes: Axes, p_malignant: Doubles, malignant: Bools) -> None:
    bins = np.minimum((p_malignant * 10).astype(int), 9)
    filled = [b for b in range(10) if (bins == b).any()]
    axes.plot([0, 1], [0, 1], "k:", linewidth=0.8)
    axes.plot(
        [p_malignant[bins == b].mean() for b in filled],
        [malignant[bins == b].mean() for b in filled],
        marker="o",
    )
    axes.set(xlabel="mean p_malignant", ylabel="share malignant", title="Reliability, ten bins")
