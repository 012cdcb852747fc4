"""`RUN/report/report.json`: every figure of the report, gathered from what the stages of a run left."""

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from models.bundle import Interval
from models.metrics import DECISION, METRICS, weighted_f1, with_interval
from training.judging.columns import PROCEDURE, THESE_WEIGHTS, read_column
from training.judging.curves import read_curves
from training.judging.evaluate import Comparison, Judged
from training.judging.paper_table import Counts
from training.judging.reference_figures import BaselineFigures, read_baselines
from training.judging.robustness import Robustness, read_robustness
from training.report.paper_way import balanced_figures, counts_of
from training.runs import Run

COVERAGES = tuple(round(0.05 * step, 2) for step in range(1, 21))

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RiskPoint(_Strict):
    """The surest share `coverage` of the cells: how many of them are called wrong, and their weighted F1."""

    coverage: float
    error: float
    weighted_f1: float


class ColumnFigures(_Strict):
    """One column: its comparison with the baselines, its counts at 0.5, the paper's way, and how abstaining pays."""

    comparison: Comparison
    counts: Counts
    paper_way: dict[str, Interval]
    risk_coverage: list[RiskPoint]


class PartFigures(_Strict):
    """One trained part by itself, on the cells it held out; `random` leaks, and `final` holds out its val part."""

    part: str
    cells: int
    malignant_groups: int
    healthy_groups: int
    auroc: Interval


class EvaluationReport(_Strict):
    """Everything; None and empty where a stage did not run."""

    profile: str
    data: str
    data_fingerprint: str
    starting_weights: str
    cells: int
    subjects: int
    malignant_groups: int
    healthy_groups: int
    columns: dict[str, ColumnFigures]
    baselines: BaselineFigures | None
    parts: list[PartFigures]
    curves: dict[str, dict[str, list[float | None]]]
    robustness: Robustness | None


def gather(run: Run, judged: dict[str, Judged]) -> EvaluationReport:
    """Read and compute what the run allows.

    Args:
        judged: column -> its predictions, from `judged_columns`.
    """
    malignant, groups = run.malignant, run.groups
    return EvaluationReport(
        profile=run.profile.name,
        data=run.inputs.data.name,
        data_fingerprint=run.inputs.fingerprint,
        starting_weights=run.inputs.init.rsplit("/", 1)[-1],
        cells=len(run.cells),
        subjects=len({cell.subject for cell in run.cells}),
        malignant_groups=len(set(groups[malignant])),
        healthy_groups=len(set(groups[~malignant])),
        columns={name: _column(run, name, each) for name, each in judged.items()},
        baselines=read_baselines(run),
        parts=[part_figures(run, part) for part in judged_parts(run)],
        curves={
            part: {name: _without_nan(values) for name, values in columns.items()}
            for part, columns in read_curves(run).items()
        },
        robustness=read_robustness(run),
    )


def judged_columns(run: Run) -> dict[str, Judged]:
    """Predictions of the columns that `evaluate` left, the procedure first."""
    found = {name: read_column(run, name) for name in (PROCEDURE, THESE_WEIGHTS)}
    return {name: column[1] for name, column in found.items() if column is not None}


def risk_coverage(p_malignant: Doubles, malignant: Bools) -> list[RiskPoint]:
    """The cells farthest from 0.5 first; at `COVERAGES`."""
    order = np.argsort(-np.abs(p_malignant - DECISION), kind="stable")
    points = []
    for coverage in COVERAGES:
        kept = order[: max(round(coverage * len(order)), 1)]
        wrong = (p_malignant[kept] >= DECISION) != malignant[kept]
        points.append(
            RiskPoint(
                coverage=coverage,
                error=float(wrong.mean()),
                weighted_f1=weighted_f1(p_malignant[kept], malignant[kept]),
            )
        )
    return points


def judged_parts(run: Run) -> list[str]:
    """Parts that held cells out; a final model that the folds calibrate learned from all that do not judge it."""
    return [part for part in run.parts_done() if len(run.load(part, "held_out")["rows"])]


def part_figures(run: Run, part: str) -> PartFigures:
    """AUROC of a part on the cells it held out, needing no calibration."""
    held_out = run.load(part, "held_out")
    malignant, groups = run.malignant[held_out["rows"]], run.groups[held_out["rows"]]
    samples = run.samples(held_out["rows"])
    return PartFigures(
        part=part,
        cells=len(malignant),
        malignant_groups=len(set(groups[malignant])),
        healthy_groups=len(set(groups[~malignant])),
        auroc=with_interval(METRICS["auroc"], held_out["margin"], malignant, samples),
    )


def _without_nan(values: Doubles) -> list[float | None]:
    """JSON has no nan."""
    return [None if np.isnan(value) else round(float(value), 6) for value in values]


def _column(run: Run, name: str, judged: Judged) -> ColumnFigures:
    column = read_column(run, name)
    assert column is not None
    malignant = run.malignant[judged.rows]
    return ColumnFigures(
        comparison=column[0],
        counts=counts_of(judged.p_malignant, malignant),
        paper_way=balanced_figures(judged.p_malignant, malignant, seed=run.profile.seed),
        risk_coverage=risk_coverage(judged.p_malignant, malignant),
    )
