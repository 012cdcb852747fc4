"""Plots drawn onto axes, and axes as pictures of a report. No pictures of the data set's cells."""

import io
from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.report_page import Picture
from training.judging.baselines import BASELINE_NAMES
from training.judging.curves import Columns
from training.judging.evaluate import GroupShare, Judged
from training.judging.paper_table import Counts
from training.judging.robustness import Disturbed
from training.report.contents import RiskPoint

mpl.use("Agg")
# A fixed salt gives the same figure the same bytes.
STYLE = {"svg.hashsalt": "leukolens", "axes.spines.top": False, "axes.spines.right": False, "font.size": 10}
COLOURS = ("#275d8c", "#b5541c", "#4a7f3c", "#7d5a9b", "#6b6b6b")
MALIGNANT_COLOUR, HEALTHY_COLOUR = COLOURS[1], COLOURS[0]
SIZE_IN = (4.8, 3.6)

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Draw = Callable[[Axes], object]


def picture(
    name: str, draw: Draw, *, caption: str, alt: str, size_in: tuple[float, float] = SIZE_IN
) -> Picture:
    """One pair of axes as an SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=size_in, layout="constrained")
        draw(figure.subplots())
        return Picture(name, svg_of(figure), caption, alt)


def svg_of(figure: Figure) -> bytes:
    """The file, without its date."""
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def roc(axes: Axes, judged: Judged, malignant: Bools) -> None:
    """Sensitivity over 1 - specificity, of the model and of its baselines."""
    for colour, (name, score) in zip(COLOURS, _scores(judged).items(), strict=False):
        axes.plot(
            *roc_points(score, malignant), label=name, color=colour, linewidth=2 if name == "model" else 1.1
        )
    axes.plot([0, 1], [0, 1], "k:", linewidth=0.8)
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", title="ROC")
    axes.legend(fontsize=8, frameon=False)


def precision_recall(axes: Axes, judged: Judged, malignant: Bools) -> None:
    """Precision over sensitivity, malignant being what is looked for."""
    for colour, (name, score) in zip(COLOURS, _scores(judged).items(), strict=False):
        hits, called = _called(score, malignant)
        axes.plot(
            hits / hits[-1],
            hits / called,
            label=name,
            color=colour,
            linewidth=2 if name == "model" else 1.1,
        )
    axes.axhline(malignant.mean(), color="k", linestyle=":", linewidth=0.8)
    axes.set(xlabel="sensitivity", ylabel="precision", title="Precision and sensitivity", ylim=(0, 1.02))
    axes.legend(fontsize=8, frameon=False, loc="lower left")


def reliability(axes: Axes, p_malignant: Doubles, malignant: Bools) -> None:
    """Share malignant over mean probability, in ten bins; a dot's area is its share of the cells."""
    bins = np.minimum((p_malignant * 10).astype(int), 9)
    filled = [bins == b for b in range(10) if (bins == b).any()]
    means, shares = ([values[own].mean() for own in filled] for values in (p_malignant, malignant))
    axes.plot([0, 1], [0, 1], "k:", linewidth=0.8)
    axes.plot(means, shares, color=COLOURS[0], linewidth=1)
    axes.scatter(means, shares, s=[20 + 300 * own.mean() for own in filled], color=COLOURS[0], alpha=0.7)
    axes.set(xlabel="mean p_malignant", ylabel="share malignant", title="Reliability, ten bins")


def histogram(axes: Axes, p_malignant: Doubles, malignant: Bools) -> None:
    """The two classes' probabilities."""
    for side, name, colour in (
        (malignant, "malignant", MALIGNANT_COLOUR),
        (~malignant, "healthy", HEALTHY_COLOUR),
    ):
        axes.hist(p_malignant[side], bins=np.linspace(0, 1, 26).tolist(), alpha=0.6, label=name, color=colour)
    axes.set(xlabel="p_malignant", ylabel="cells", title="Predictions by true class")
    axes.legend(fontsize=8, frameon=False)


def confusion(axes: Axes, counts: Counts) -> None:
    """Cells by truth and call, shaded by the share of their true class."""
    cells = np.array(
        [[counts.true_positive, counts.false_negative], [counts.false_positive, counts.true_negative]]
    )
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.3)
    for (row, column), count in np.ndenumerate(cells):
        axes.text(column, row, f"{count:,}\n{shares[row, column]:.0%}", ha="center", va="center", fontsize=12)
    names = ["malignant", "healthy"]
    axes.set(xlabel="called", ylabel="true", title="Confusion at 0.5")
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names)
    axes.spines[:].set_visible(False)


def people(axes: Axes, groups: Sequence[GroupShare]) -> None:
    """Share of each leak group's cells called right, the worst first within each class."""
    order = sorted(groups, key=lambda each: (each.label, -called_right(each)))
    colours = [MALIGNANT_COLOUR if each.label == "malignant" else HEALTHY_COLOUR for each in order]
    axes.barh(range(len(order)), [called_right(each) for each in order], color=colours)
    axes.set_yticks(range(len(order)), [f"{each.group} ({each.cells})" for each in order], fontsize=7)
    axes.axvline(0.5, color="k", linestyle=":", linewidth=0.8)
    axes.set(xlabel="share of cells called right", xlim=(0, 1))
    axes.margins(y=0.01)
    for name, colour in (("malignant", MALIGNANT_COLOUR), ("healthy", HEALTHY_COLOUR)):
        axes.bar(0, 0, color=colour, label=name)
    axes.legend(fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)


def risk_coverage(axes: Axes, points: Sequence[RiskPoint]) -> None:
    """Share called wrong when only the surest cells are answered."""
    axes.plot(
        [each.coverage for each in points], [each.error for each in points], color=COLOURS[0], marker="."
    )
    axes.set(
        xlabel="share of cells answered, the surest first",
        ylabel="share of them called wrong",
        title="Risk and coverage",
        ylim=(0, None),
        xlim=(0, 1.02),
    )


def curve(axes: Axes, curves: dict[str, Columns], column: str) -> None:
    """One column over the steps, a line a part."""
    for number, (part, columns) in enumerate(sorted(curves.items())):
        if column in columns:
            known = ~np.isnan(columns[column])
            axes.plot(
                columns["step"][known],
                columns[column][known],
                marker=".",
                label=part,
                color=f"C{number}",
            )
    axes.set(xlabel="step", ylabel=curve_name(column))
    axes.legend(fontsize=8, frameon=False, ncols=2)


def intervals(axes: Axes, rows: Sequence[tuple[str, float, float, float]], *, label: str) -> None:
    """Values with their intervals, one a line, the first on top: (name, value, low, high)."""
    places = range(len(rows))[::-1]
    for place, (_, value, low, high) in zip(places, rows, strict=True):
        axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=2, alpha=0.5)
        axes.plot(value, place, "o", color=COLOURS[0])
    axes.set_yticks(list(places), [row[0] for row in rows], fontsize=8)
    axes.set(xlabel=label)
    axes.margins(y=0.05)


def robustness(axes: Axes, unchanged: float, grid: Sequence[Disturbed]) -> None:
    """AUROC of every change and strength beside that of unchanged pictures."""
    rows = [
        (f"{each.change} {each.strength}", each.auroc.value, each.auroc.low, each.auroc.high) for each in grid
    ]
    intervals(axes, rows, label="AUROC")
    axes.axvline(unchanged, color="k", linestyle=":", linewidth=0.8)
    axes.set(title="AUROC after each change")


def curve_name(column: str) -> str:
    """A column of a curve as people write it."""
    return column.replace("_", " ").replace("auroc", "AUROC")


def roc_points(score: Doubles, malignant: Bools) -> tuple[Doubles, Doubles]:
    """1 - specificity and sensitivity at every threshold, both rising from 0 to 1; cells that tie are called together."""
    hits, called = _called(score, malignant)
    alarms = called - hits
    return np.concatenate([[0], alarms / alarms[-1]]), np.concatenate([[0], hits / hits[-1]])


def _called(score: Doubles, malignant: Bools) -> tuple[Doubles, Doubles]:
    """Malignant cells and all cells at or above each distinct score, the highest first."""
    values, which = np.unique(-score, return_inverse=True)
    hits = np.cumsum(np.bincount(which, weights=malignant, minlength=len(values)))
    return hits, np.cumsum(np.bincount(which, minlength=len(values))).astype(np.float64)


def _scores(judged: Judged) -> dict[str, Doubles]:
    return {"model": judged.p_malignant} | {
        BASELINE_NAMES[name]: score for name, score in judged.baselines.items()
    }


def called_right(share: GroupShare) -> float:
    """Share of a group's cells that were given their true class."""
    return share.called_malignant if share.label == "malignant" else 1 - share.called_malignant
