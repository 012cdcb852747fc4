"""The sections of the report's page, each from the figures it shows; a section without figures is left out."""

from collections.abc import Iterator

from models.bundle import Interval
from models.metrics import METRIC_NAMES
from models.report_page import Section, Table
from training.judging.baselines import BASELINE_NAMES
from training.judging.columns import PROCEDURE, THESE_WEIGHTS
from training.judging.evaluate import COMPARED, Comparison
from training.judging.leakage import SplitFigures
from training.judging.paper_table import PAPER_TABLE
from training.judging.robustness import Disturbed, Robustness
from training.report.contents import ColumnFigures, EvaluationReport, PartFigures

COLUMN_TITLES = {PROCEDURE: "The procedure, out of fold", THESE_WEIGHTS: "These weights, test part"}
CUT_NAMES = {
    "cell": "at random by cell, as the paper",
    "field": "by field of the microscope",
    "subject": "by leak group",
}
INTERVALS = "Value and 95 % interval, bootstrap over leak groups within each class."


def lead(report: EvaluationReport) -> str:
    """The finding in two sentences."""
    if not report.columns:
        return "This run was not evaluated; what there is of it follows."
    name, column = next(iter(report.columns.items()))
    comparison = column.comparison
    figures = comparison.figures
    said = (
        f"{COLUMN_TITLES[name]} ({figures.cells:,} cells of {figures.malignant_groups} malignant and "
        f"{figures.healthy_groups} healthy leak groups): AUROC {in_words(figures.metrics['auroc'])}, weighted F1 "
        f"{in_words(figures.metrics['weighted_f1'])}."
    )
    return f"{said} {verdict(comparison)}"


def verdict(comparison: Comparison) -> str:
    """Whether the strongest baseline there is is beaten, by the interval of the paired difference."""
    baseline = next(name for name in reversed(BASELINE_NAMES) if f"auroc_over_{name}" in comparison.gains)
    gains = [comparison.gains[f"{metric}_over_{baseline}"] for metric in COMPARED]
    better = [COMPARED[m] for m, gain in zip(COMPARED, gains, strict=True) if gain.low > 0]
    numbers = " and ".join(
        f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) in {COMPARED[metric]}"
        for metric, gain in zip(COMPARED, gains, strict=True)
    )
    worse = [COMPARED[m] for m, gain in zip(COMPARED, gains, strict=True) if gain.high < 0]
    said = f"beats it in {' and '.join(better)}" if better else "is not shown to beat it"
    lost = f", and is worse in {' and '.join(worse)}" if worse else ""
    return f"Against the {BASELINE_NAMES[baseline]}, paired: {numbers}; by these intervals the model {said}{lost}."


def in_words(found: Interval) -> str:
    """`0.912 (0.870 to 0.950)`."""
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def about(report: EvaluationReport) -> Section:
    """What was trained on what."""
    rows = (
        ("Profile", report.profile),
        ("Data", f"{report.data}, {report.cells:,} cells of {report.subjects} subjects"),
        ("Leak groups", f"{report.malignant_groups} malignant, {report.healthy_groups} healthy"),
        ("Fingerprint of the data", report.data_fingerprint[:16]),
        ("Starting weights", report.starting_weights),
    )
    text = (
        "The unit is the leak group: a person, people who share an identical picture merged. Intervals draw leak groups, "
        "not cells. Every cell counts, at 0.5, whatever label it would be given.",
    )
    return Section("What was judged", text, (Table("The run", ("What", "Value"), rows),))


def column_tables(figures: ColumnFigures) -> tuple[Table, ...]:
    """Metrics, baselines and the paper's way."""
    comparison = figures.comparison
    counted = comparison.figures
    whose = f"{counted.cells:,} cells, {counted.malignant_groups} malignant and {counted.healthy_groups} healthy leak groups"
    metrics = tuple((words, counted.metrics.get(name)) for name, words in METRIC_NAMES.items())
    return (
        Table(f"Figures of {whose}. {INTERVALS}", ("Metric", "Model"), metrics),
        _baselines(comparison),
        _paper_way(figures),
    )


def _baselines(comparison: Comparison) -> Table:
    names = [name for name in BASELINE_NAMES if f"auroc_over_{name}" in comparison.gains]
    rows = tuple(
        (
            _capital(BASELINE_NAMES[name]),
            *(comparison.baselines.get(f"{name}_{metric}") for metric in COMPARED),
            *(comparison.gains.get(f"{metric}_over_{name}") for metric in COMPARED),
        )
        for name in names
    )
    columns = ("Baseline", "AUROC", "Weighted F1", "Model minus it: AUROC", "Model minus it: weighted F1")
    return Table(
        "Standing baselines on the same cells, calibrated alike, and the paired difference.", columns, rows
    )


def _paper_way(figures: ColumnFigures) -> Table:
    metrics, printed = figures.comparison.figures.metrics, PAPER_TABLE[0].printed
    return Table(
        "The paper's way, for comparison with it only: malignant cells dropped at random until the classes are equal; mean "
        "of 500 draws and where 95 % of them lie, which says nothing of other people. The paper's own split leaks people.",
        ("Figure", "All cells", "Balanced draws", f"Printed by the paper, {PAPER_TABLE[0].network}"),
        tuple(
            (METRIC_NAMES[name], metrics.get(name), found, f"{printed[name] / 100:.3f}")
            for name, found in figures.paper_way.items()
        ),
    )


def baselines_alone(report: EvaluationReport) -> Iterator[Section]:
    """The baselines over all folds, whether or not a network was trained on them."""
    if report.baselines is None:
        return
    found = report.baselines.figures
    any_of = next(iter(found.values()))
    rows = tuple(
        (words, *(each.metrics.get(name) for each in found.values())) for name, words in METRIC_NAMES.items()
    )
    caption = (
        f"Out of fold over cv_fold, {any_of.cells:,} cells of {any_of.malignant_groups} malignant and "
        f"{any_of.healthy_groups} healthy leak groups, calibration cross-fitted. {INTERVALS}"
    )
    columns = ("Metric", *(_capital(BASELINE_NAMES[name]) for name in found))
    yield Section("Baselines alone", (), (Table(caption, columns, rows),), command=any_of.command)


def leak_tables(cuts: list[SplitFigures], parts: list[PartFigures]) -> Iterator[Table]:
    """The three cuts side by side, and the parts that were trained."""
    rows = tuple(
        (
            _capital(BASELINE_NAMES[each.baseline]),
            CUT_NAMES[each.cut],
            *(each.metrics[metric] for metric in COMPARED),
            each.flattered.get("auroc"),
        )
        for each in cuts
    )
    columns = ("Classifier", "Cells divided", "AUROC", "Weighted F1", "AUROC above that by leak group")
    if rows:
        yield Table(
            "The same classifier, cells and number of folds; only who is on both sides differs.",
            columns,
            rows,
        )
    trained = tuple(
        (each.part, f"{each.cells:,}", f"{each.malignant_groups} + {each.healthy_groups}", each.auroc)
        for each in parts
    )
    if trained:
        yield Table(
            "Networks trained in this run, each on the cells its part held out; random shares people with training.",
            ("Part", "Cells", "Groups, malignant + healthy", "AUROC"),
            trained,
        )


def robustness_table(found: Robustness) -> Table:
    """The grid in numbers."""
    unchanged: tuple[str | Interval | None, ...] = (
        "Unchanged",
        found.unchanged_auroc,
        None,
        found.unchanged_weighted_f1,
        None,
    )
    return Table(
        f"{found.cells} cells of {found.malignant_groups} malignant and {found.healthy_groups} healthy leak groups; "
        f"{found.description}. {INTERVALS}",
        ("Change", "AUROC", "Change in AUROC, paired", "Weighted F1", "Mean move of p"),
        (unchanged, *map(_disturbed_row, found.grid)),
    )


def shortcut_table(found: Robustness) -> Table:
    """What is left without colour and texture, beside what size alone gives."""
    return Table(
        f"{found.cells} cells as for robustness: every pixel of the cell painted in one colour.",
        ("Asked", "AUROC", "Weighted F1"),
        (
            ("the network, the picture as it is", found.unchanged_auroc, found.unchanged_weighted_f1),
            ("the network, its silhouette", found.silhouette.auroc, found.silhouette.weighted_f1),
            ("area alone, the same cells", found.area_auroc, None),
        ),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _disturbed_row(each: Disturbed) -> tuple[str | Interval, ...]:
    return (
        _capital(f"{each.change} {each.strength}"),
        each.auroc,
        each.auroc_change,
        each.weighted_f1,
        each.moved,
    )
