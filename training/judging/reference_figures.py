"""Figures of the baselines alone, over all folds of the data set: RUN/baseline/figures.json."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from models.bundle import Figures
from models.metrics import METRICS, with_interval
from training.judging.baselines import BASELINE_NAMES
from training.judging.frozen_reference import PART, described
from training.judging.leakage import SUBJECT, SplitFigures, compare_cuts, scores_by_cut
from training.runs import Run

COMMAND = "python -m training baseline --out RUN"


class BaselineFigures(BaseModel):
    """Baseline -> its figures out of fold over cv_fold, and the same classifiers under leaking splits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    figures: dict[str, Figures]
    cuts: list[SplitFigures]


def judge_baselines(run: Run) -> BaselineFigures:
    """Compute and keep them."""
    seen = described(run)
    samples = run.samples(np.arange(len(run.cells)))
    scores = scores_by_cut(run.cells, seen)
    found = BaselineFigures(
        figures={
            name: Figures(
                description=f"{BASELINE_NAMES[name]}, out of fold over cv_fold; calibration cross-fitted",
                command=COMMAND,
                cells=len(score),
                malignant_groups=len(set(seen.groups[seen.malignant])),
                healthy_groups=len(set(seen.groups[~seen.malignant])),
                metrics={
                    metric: with_interval(METRICS[metric], score, seen.malignant, samples)
                    for metric in METRICS
                },
            )
            for name, score in scores[SUBJECT].items()
        },
        cuts=compare_cuts(scores, seen.malignant, samples),
    )
    (run.folder / PART / "figures.json").write_text(found.model_dump_json(indent=1))
    return found


def read_baselines(run: Run) -> BaselineFigures | None:
    """What `judge_baselines` kept, None where it never ran."""
    path = run.folder / PART / "figures.json"
    return BaselineFigures.model_validate_json(path.read_text()) if path.is_file() else None
