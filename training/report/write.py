"""RUN/report: report.html and report.json for readers, the predictions behind them, and the plots that go into a bundle."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from models.report_page import Picture, ReportPage, Section, render
from training.judging.baselines import BASELINE_NAMES
from training.judging.curves import Columns, read_curves
from training.judging.evaluate import Judged
from training.judging.leakage import SplitFigures
from training.judging.reference_figures import COMMAND as BASELINE_COMMAND
from training.profiles import Profile
from training.publishing.card import INTENDED_USE
from training.report import plots, sections
from training.report.column_pictures import column_pictures
from training.report.contents import ColumnFigures, EvaluationReport, gather, judged_columns
from training.report.predictions import predictions_table
from training.report.samples import augmentation_samples
from training.runs import Run

Bools = npt.NDArray[np.bool_]


def write_report(run: Run) -> list[Path]:
    """Write everything the run has the numbers for; returns the files."""
    folder = run.folder / "report"
    folder.mkdir(exist_ok=True)
    judged, curves = judged_columns(run), read_curves(run)
    report = gather(run, judged)
    page = report_page(report, judged, run.malignant, curves, profile=run.profile)
    written = {
        "report.html": render(page).encode(),
        "report.json": report.model_dump_json(indent=1).encode(),
        **{f"{name}.csv": predictions_table(run, column) for name, column in judged.items()},
    }
    for name, data in written.items():
        (folder / name).write_bytes(data)
    drawn = dict(bundle_plots(judged, run.malignant, curves))
    for name, figure in drawn.items():
        figure.savefig(folder / name, dpi=110, metadata={"Software": None})
    return [folder / name for name in (*written, *drawn)]


def report_page(
    report: EvaluationReport,
    judged: dict[str, Judged],
    malignant: Bools,
    curves: dict[str, Columns],
    *,
    profile: Profile,
) -> ReportPage:
    """The page. malignant: of all cells of the run."""
    found = (
        sections.about(report),
        *(
            _column(name, figures, judged[name], malignant[judged[name].rows])
            for name, figures in report.columns.items()
        ),
        *sections.baselines_alone(report),
        *_leaks(report),
        *_robustness(report),
        *_training(curves),
        _augmentation(profile),
    )
    return ReportPage(f"Evaluation of a run of {report.profile}", sections.lead(report), INTENDED_USE, found)


def bundle_plots(
    judged: dict[str, Judged], malignant: Bools, curves: dict[str, Columns]
) -> Iterator[tuple[str, Figure]]:
    """What a bundle carries: a picture a column, and how the training went."""
    for name, column in judged.items():
        own = malignant[column.rows]
        with mpl.rc_context(plots.STYLE):
            figure = Figure(figsize=(13, 4.2), layout="constrained")
            figure.suptitle(f"{sections.COLUMN_TITLES[name]} ({len(own):,} cells)")
            roc, reliability, histogram = figure.subplots(1, 3)
            plots.roc(roc, column, own)
            plots.reliability(reliability, column.p_malignant, own)
            plots.histogram(histogram, column.p_malignant, own)
        yield f"{name}.png", figure
    names = curve_columns(curves)
    if names:
        with mpl.rc_context(plots.STYLE):
            figure = Figure(figsize=(4.6 * len(names), 3.6), layout="constrained")
            for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
                plots.curve(axes, curves, name)
        yield "training.png", figure


def curve_columns(curves: dict[str, Columns]) -> list[str]:
    """What is drawn over the steps: every column of any part."""
    return list(dict.fromkeys(name for columns in curves.values() for name in columns if name != "step"))


def _column(name: str, figures: ColumnFigures, judged: Judged, malignant: Bools) -> Section:
    comparison = figures.comparison
    title = sections.COLUMN_TITLES[name]
    return Section(
        title,
        (
            f"Judged: {comparison.figures.description}. Every prediction: {name}.csv beside this page.",
            sections.verdict(comparison),
        ),
        sections.column_tables(figures),
        tuple(column_pictures(name, figures, judged, malignant)),
        comparison.figures.command,
    )


def _leaks(report: EvaluationReport) -> Iterator[Section]:
    found = report.baselines
    tables = tuple(sections.leak_tables(found.cuts if found else [], report.parts))
    if not tables:
        return
    text = (
        "A split that puts cells of one person on both sides asks how well that person is known, not how well the next one "
        "will be. The gap is what such a split promises in vain.",
    )
    pictures = (_cuts_picture(found.cuts),) if found else ()
    yield Section(
        "What a leaking split would promise", text, tables, pictures, BASELINE_COMMAND if found else ""
    )


def _cuts_picture(cuts: Sequence[SplitFigures]) -> Picture:
    strongest = cuts[-1].baseline
    rows = [
        (
            sections.CUT_NAMES[each.cut],
            each.metrics["auroc"].value,
            each.metrics["auroc"].low,
            each.metrics["auroc"].high,
        )
        for each in cuts
        if each.baseline == strongest
    ]
    return plots.picture(
        "leaks",
        lambda axes: plots.intervals(axes, rows, label="AUROC"),
        caption=f"One classifier under each split, every cell judged once: {BASELINE_NAMES[strongest]}.",
        alt="; ".join(f"{row[0]}: AUROC {row[1]:.3f}" for row in rows),
        size_in=(5.2, 2.2),
    )


def _robustness(report: EvaluationReport) -> Iterator[Section]:
    found = report.robustness
    if found is None:
        return
    drawn = plots.picture(
        "robustness",
        lambda axes: plots.robustness(axes, found.unchanged_auroc.value, found.grid),
        caption=f"AUROC after each change, {found.cells} cells; dotted: unchanged.",
        alt="AUROC with interval, a line a change; the table says the same in numbers.",
        size_in=(5.2, 5.6),
    )
    text = (
        "The same cells again after what happens between a microscope and a model. The quality gate is not asked.",
    )
    yield Section("Robustness", text, (sections.robustness_table(found),), (drawn,), found.command)
    text = (
        "A model may lean on size and outline, which segmentation decides. The baselines above say how far area and silhouette "
        "go by themselves; here the network itself is asked about silhouettes.",
    )
    yield Section("Shortcuts", text, (sections.shortcut_table(found),), command=found.command)


def _training(curves: dict[str, Columns]) -> Iterator[Section]:
    names = curve_columns(curves)
    if not names:
        return
    drawn = tuple(
        plots.picture(
            f"training_{name}",
            lambda axes, name=name: plots.curve(axes, curves, name),
            caption=f"Over the steps, a line a part: {plots.curve_name(name)}.",
            alt=f"Curves over steps of {', '.join(sorted(curves))}: {plots.curve_name(name)}.",
        )
        for name in names
    )
    watched = "Watched cells are held-out ones; where a part holds none out, learned ones."
    yield Section("Training", (watched,), (), drawn, "python -m training fit --out RUN")


def _augmentation(profile: Profile) -> Section:
    figure = augmentation_samples(profile)
    drawn = Picture(
        "augmentation",
        plots.svg_of(figure),
        "Two drawn cells, nobody's, and what steps of training would see of them.",
        "Two synthetic cells with five augmented samples each.",
    )
    return Section("Augmentation", (), (), (drawn,))
