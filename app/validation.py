"""`leukolens validate`: a bundle on a laboratory's own labelled cells, and whether they look like the training cells."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from app.classify import read_cell_file
from app.errors import BadRequest
from app.monitoring.drift import unit_means
from app.monitoring.statistics import mean_shift
from app.notice import NOTICE
from models.bundle import Interval
from models.classifier import CellOutput, Classifier
from models.decision import PredictionLabel
from models.labels import CNMC_LABELS, Label
from models.measurements import MEASUREMENTS, measure_cell
from models.metrics import METRIC_NAMES, METRICS, group_resamples, interval
from models.reference import ReferenceSet
from models.refusals import ImageRefused
from models.report_page import ReportPage, Section, Table, render

PICTURES = frozenset({".bmp", ".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg"})
FOLDERS = {**CNMC_LABELS, **{label.value: label for label in Label}}
MINIMUM_CELLS = 10
"""Of each class; fewer make no figure."""

LIKE_TRAINING_SHARE = 0.03
UNLIKE_TRAINING_SHARE = 0.10
"""Up to the first share of cells not assessable or unlike the training cells is what unseen C-NMC people show; beyond
the second the pictures are others."""

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LabelledFile:
    """One picture and its class. subject: whose, empty when not known."""

    path: Path
    label: Label
    subject: str


class ValidationReport(BaseModel):
    """What was found. metrics: of the assessed cells at 0.5. subjects: None where they are not known; then intervals
    draw cells, and are too narrow."""

    model_config = ConfigDict(frozen=True)

    model: str
    files: int
    refused: int
    malignant: int
    healthy: int
    subjects: int | None
    labels: dict[PredictionLabel, int]
    reasons: dict[str, int]
    unlike: Interval
    metrics: dict[str, Interval]
    labelled_right: Interval | None
    shift: float | None
    shift_p: float | None
    verdict: str
    notice: str = NOTICE


def read_labelled(folder: Path) -> list[LabelledFile]:
    """Labelled pictures of a folder: `index.csv` with file, label and perhaps subject, or folders named by class.

    Raises:
        BadRequest: there is neither, or a class is missing.
    """
    found = list(_from_index(folder) if (folder / "index.csv").is_file() else _from_folders(folder))
    missing = [label.value for label in Label if all(file.label is not label for file in found)]
    if missing:
        raise BadRequest(
            f"Expected index.csv (file, label, subject) or folders malignant and healthy, or all and hem, in {folder}; "
            f"found no picture labelled {' or '.join(missing)}."
        )
    return found


def validate(classifier: Classifier, files: Sequence[LabelledFile], *, seed: int = 0) -> ValidationReport:
    """Judge every file and compare."""
    judged, outputs = _judge(classifier, files)
    malignant = np.array([file.label is Label.MALIGNANT for file in judged], bool)
    known = all(file.subject for file in judged)
    groups = [file.subject if known else str(i) for i, file in enumerate(judged)]
    unlike = np.array([_is_unlike(output) for _, output in outputs], bool)
    shift = _shift(classifier, groups, [values for values, _ in outputs]) if known else None
    share = _over_groups(unlike, malignant, groups, seed)
    labels = [output.label for _, output in outputs]
    reasons = [reason for _, output in outputs for reason in output.reasons]
    return ValidationReport(
        model=classifier.bundle.id,
        files=len(files),
        refused=len(files) - len(judged),
        malignant=int(malignant.sum()),
        healthy=int((~malignant).sum()),
        subjects=len(set(groups)) if known else None,
        labels={label: labels.count(label) for label in PredictionLabel},
        reasons={reason: reasons.count(reason) for reason in sorted(set(reasons))},
        unlike=share,
        metrics=_metrics([output for _, output in outputs], malignant, groups, seed),
        labelled_right=_labelled_right(labels, malignant, groups, seed),
        shift=shift[0] if shift else None,
        shift_p=shift[1] if shift else None,
        verdict=_verdict(share),
    )


def write_report(report: ValidationReport, out: Path) -> tuple[Path, Path]:
    """`validation.json` and `validation.html` in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    as_json, as_html = out / "validation.json", out / "validation.html"
    as_json.write_text(report.model_dump_json(indent=1), encoding="utf-8")
    as_html.write_text(render(report_page(report)), encoding="utf-8")
    return as_json, as_html


def _from_index(folder: Path) -> Iterator[LabelledFile]:
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            label = FOLDERS.get(row.get("label", ""))
            if label is None or not row.get("file"):
                raise BadRequest(
                    f"Expected columns file and label (malignant or healthy, all or hem), got {row}."
                )
            yield LabelledFile(folder / row["file"], label, row.get("leak_group") or row.get("subject") or "")


def _from_folders(folder: Path) -> Iterator[LabelledFile]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICTURES and path.parent.name in FOLDERS:
            yield LabelledFile(path, FOLDERS[path.parent.name], "")


def _judge(
    classifier: Classifier, files: Sequence[LabelledFile]
) -> tuple[list[LabelledFile], list[tuple[dict[str, float], CellOutput]]]:
    judged, cells = [], []
    for file in files:
        cell = read_cell_file(file.path).cell
        if not isinstance(cell, ImageRefused):
            judged.append(file)
            cells.append(cell)
    outputs = classifier.classify_many(cells)
    return judged, [(measure_cell(cell), output) for cell, output in zip(cells, outputs, strict=True)]


def _is_unlike(output: CellOutput) -> bool:
    return output.label is PredictionLabel.NOT_ASSESSABLE or "unlike_training_cells" in output.reasons


def _over_groups(values: Bools, malignant: Bools, groups: list[str], seed: int) -> Interval:
    samples = group_resamples(malignant, groups, seed=seed)
    return interval(float(values.mean()), [float(values[rows].mean()) for rows in samples])


def _metrics(
    outputs: Sequence[CellOutput], malignant: Bools, groups: list[str], seed: int
) -> dict[str, Interval]:
    assessed = np.array([output.p_malignant is not None for output in outputs], bool)
    truth = malignant[assessed]
    if min(truth.sum(), (~truth).sum()) < MINIMUM_CELLS:
        return {}
    p_malignant = np.array([output.p_malignant for output in outputs if output.p_malignant is not None])
    names = [group for group, kept in zip(groups, assessed, strict=True) if kept]
    samples = group_resamples(truth, names, seed=seed)
    return {
        name: interval(
            metric(p_malignant, truth), [metric(p_malignant[rows], truth[rows]) for rows in samples]
        )
        for name, metric in METRICS.items()
    }


def _labelled_right(
    labels: Sequence[PredictionLabel], malignant: Bools, groups: list[str], seed: int
) -> Interval | None:
    """Share right of the cells that got a class; None where too few did."""
    called = {PredictionLabel.MALIGNANT: True, PredictionLabel.HEALTHY: False}
    kept = [i for i, label in enumerate(labels) if label in called]
    truth = malignant[kept]
    if min(truth.sum(), (~truth).sum()) < MINIMUM_CELLS:
        return None
    right = np.array([called[labels[i]] for i in kept]) == truth
    return _over_groups(right, truth, [groups[i] for i in kept], seed)


def _shift(
    classifier: Classifier, groups: list[str], measured: Sequence[dict[str, float]]
) -> tuple[float, float] | None:
    """People here against people there; None where either are too few."""
    reference = ReferenceSet.of(classifier.bundle)
    if not len(reference) or len(set(groups)) < 3:
        return None
    rows = np.array([[values[name] for name in MEASUREMENTS] for values in measured])
    return mean_shift(unit_means(groups, rows), unit_means(reference.group.tolist(), reference.measurements))


def _verdict(unlike: Interval) -> str:
    seen = f"{unlike.value:.1%} of the cells (95 % interval {unlike.low:.1%} to {unlike.high:.1%})"
    if unlike.value <= LIKE_TRAINING_SHARE:
        return f"These pictures look like the training pictures: {seen} are not assessable or unlike the training cells."
    if unlike.low <= UNLIKE_TRAINING_SHARE:
        return (
            f"These pictures look like the training pictures only in part: {seen} are not assessable or unlike the "
            "training cells. Look at the reasons, and do not rely on the figures."
        )
    return (
        f"These pictures do not look like the training pictures: {seen} are not assessable or unlike the training "
        "cells. The model should not be used on them."
    )


def report_page(report: ValidationReport) -> ReportPage:
    """What was found, as a page for people."""
    whose = (
        f"{report.subjects} subjects, whom the intervals draw"
        if report.subjects
        else "subjects not known: the intervals draw cells, and are too narrow"
    )
    counts = (
        ("Files", report.files),
        ("Refused for their form", report.refused),
        ("Malignant", report.malignant),
        ("Healthy", report.healthy),
        *((f"Answered {label}".replace("_", " "), count) for label, count in report.labels.items()),
        *((f"Reason: {reason}".replace("_", " "), count) for reason, count in report.reasons.items()),
    )
    figures = (
        *((words, report.metrics.get(name, "too few cells")) for name, words in METRIC_NAMES.items()),
        ("Right, of the cells with a class", report.labelled_right or "too few cells"),
    )
    return ReportPage(
        f"{report.model} on this laboratory's cells",
        report.verdict,
        report.notice,
        (
            Section(
                "Cells", (f"{whose}.".capitalize(),), (Table("Cells and answers", ("What", "Count"), counts),)
            ),
            Section(
                "Figures",
                ("Every assessed cell counts, at 0.5, whatever label it got. Intervals: 95 %.",),
                (Table("Figures of the assessed cells", ("Metric", "Model"), figures),),
            ),
            Section(
                "People",
                (f"Shift of the measurements' means against the training people: {_shift_text(report)}.",),
                command="leukolens validate",
            ),
        ),
    )


def _shift_text(report: ValidationReport) -> str:
    if report.shift is None or report.shift_p is None:
        return "too few subjects, or none known"
    return f"{report.shift:.2f} deviations, p = {report.shift_p:.4f}"
