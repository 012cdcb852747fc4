"""What a split that lets people leak would have promised: the same classifiers under three ways to cut five folds.

C-NMC names its files UID_<subject>_<picture>_<cell>_<class>; one picture is one field of the microscope.
"""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from models.bundle import Interval
from models.metrics import METRICS, difference, with_interval
from training.cells.dataset import LabelledCell
from training.judging.baselines import Described, baselines_out_of_fold
from training.judging.evaluate import COMPARED

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]
Folds = npt.NDArray[np.int_]
Cut = Literal["cell", "field", "subject"]
ScoresByCut = dict[Cut, dict[str, Doubles]]
"""Cut -> baseline -> (n,) p_malignant."""

SUBJECT: Cut = "subject"

_FIELD = re.compile(r"UID_(\w+?_\d+)_\d+_(?:all|hem)\.")


class SplitFigures(BaseModel):
    """One classifier out of fold under one cut. flattered: metric under this cut minus under `subject`, paired."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    baseline: str
    cut: Cut
    metrics: dict[str, Interval]
    flattered: dict[str, Interval]


def scores_by_cut(cells: Sequence[LabelledCell], seen: Described) -> ScoresByCut:
    """Every baseline out of fold under every cut the file names allow, all cells judged."""
    rows = np.arange(len(cells))
    return {cut: baselines_out_of_fold(seen, folds, rows) for cut, folds in cuts(cells, seen.seed).items()}


def compare_cuts(found: ScoresByCut, malignant: Bools, samples: Sequence[Rows]) -> list[SplitFigures]:
    """Figures of `scores_by_cut`, intervals from bootstrap samples over leak groups."""

    def flattered(metric: str, score: Doubles, honest: Doubles) -> Interval:
        return difference(METRICS[metric], score, honest, malignant, samples)

    return [
        SplitFigures(
            baseline=name,
            cut=cut,
            metrics={
                metric: with_interval(METRICS[metric], scores[name], malignant, samples)
                for metric in COMPARED
            },
            flattered={
                metric: flattered(metric, scores[name], found[SUBJECT][name])
                for metric in COMPARED
                if cut != SUBJECT
            },
        )
        for name in found[SUBJECT]
        for cut, scores in found.items()
    ]


def cuts(cells: Sequence[LabelledCell], seed: int) -> dict[Cut, Folds]:
    """Fold of each cell by cell, by field and by cv_fold, as many folds each; no field where names tell none."""
    by_subject = np.array([cell.cv_fold for cell in cells])
    folds, random = len(np.unique(by_subject)), np.random.default_rng(seed)
    found: dict[Cut, Folds] = {"cell": random.permutation(len(cells)) % folds}
    fields = [field_of(cell.path.name) for cell in cells]
    if None not in fields:
        names, which = np.unique(fields, return_inverse=True)
        found["field"] = (random.permutation(len(names)) % folds)[which]
    return found | {SUBJECT: by_subject}


def field_of(file: str) -> str | None:
    """Subject and picture of a C-NMC file name, None for any other name."""
    match = _FIELD.match(file)
    return match[1] if match else None
