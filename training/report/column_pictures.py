"""The plots of one column: how well its predictions separate, how true their probabilities are, and whose cells they miss."""

from collections.abc import Iterator

from models.report_page import Picture
from training.judging.evaluate import Judged
from training.report import plots
from training.report.contents import ColumnFigures
from training.report.plots import Bools


def column_pictures(name: str, figures: ColumnFigures, judged: Judged, malignant: Bools) -> Iterator[Picture]:
    """Every plot of one column."""
    metrics, p_malignant = figures.comparison.figures.metrics, judged.p_malignant
    groups, counts = figures.comparison.groups, figures.counts
    n = f"{len(malignant):,} cells"
    yield plots.picture(
        f"{name}_roc",
        lambda axes: plots.roc(axes, judged, malignant),
        caption=f"ROC of the model and of the baselines, {n}.",
        alt=f"ROC curves. The model's area is {metrics['auroc'].value:.3f}.",
    )
    yield plots.picture(
        f"{name}_precision",
        lambda axes: plots.precision_recall(axes, judged, malignant),
        caption=f"Precision over sensitivity, {n}; dotted: the prevalence.",
        alt=f"Precision over sensitivity. The model's average precision is {metrics['pr_auc'].value:.3f}.",
    )
    yield plots.picture(
        f"{name}_reliability",
        lambda axes: plots.reliability(axes, p_malignant, malignant),
        caption=f"Share malignant at each probability, {n}; larger dots are more cells.",
        alt=f"Reliability diagram. The expected calibration error is {metrics['ece'].value:.3f}.",
    )
    yield plots.picture(
        f"{name}_histogram",
        lambda axes: plots.histogram(axes, p_malignant, malignant),
        caption=f"Probabilities of the two classes, {n}.",
        alt="Histogram of p_malignant, one colour a true class.",
    )
    yield plots.picture(
        f"{name}_confusion",
        lambda axes: plots.confusion(axes, counts),
        caption=f"Calls at 0.5, {n}.",
        alt=(
            f"Confusion matrix: of malignant cells {counts.true_positive} called malignant and {counts.false_negative} "
            f"healthy, of healthy ones {counts.true_negative} healthy and {counts.false_positive} malignant."
        ),
    )
    surest = next(each for each in figures.risk_coverage if each.coverage == 0.8)
    yield plots.picture(
        f"{name}_risk",
        lambda axes: plots.risk_coverage(axes, figures.risk_coverage),
        caption=f"Share called wrong when only the surest cells are answered, {n}.",
        alt=f"Risk over coverage. Of the surest 80 % of the cells {surest.error:.1%} are called wrong.",
    )
    worst = min(groups, key=plots.called_right)
    yield plots.picture(
        f"{name}_people",
        lambda axes: plots.people(axes, groups),
        caption=f"Share called right of each leak group, {len(groups)} groups; the number of cells in brackets.",
        alt=f"A bar a leak group. The lowest is {worst.group}, {worst.label}: {plots.called_right(worst):.0%} called right.",
        size_in=(4.8, 1.2 + 0.17 * len(groups)),
    )
