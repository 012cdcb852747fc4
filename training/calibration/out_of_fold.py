"""The folds of a run as the people they left out were seen: what calibrates and limits the final model, and judges both.

Every cell counts once, through a network that learned from nobody of its person. What is fitted on several folds
judges another one; the final model takes what is fitted on all of them, less the cells of the test part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.bundle import Arrays, Band, Calibration
from models.conformal import ConformalLimits
from models.novelty import NoveltyLimits
from training.calibration.calibrate import cross_fitted, fit_band, fit_calibration
from training.calibration.limits import (
    Observed,
    class_limits,
    detector_of,
    distances_of,
    farthest_kept,
    learned_statistics,
    observed_rows,
)
from training.fitting.prepare import PreparedCells
from training.runs import Run

FEWEST_FOLDS = 3
"""What is fitted for one fold comes from the others, and is itself cross-fitted over them."""

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FoldView:
    """One fold through its own network.

    learned: cells its head was fitted on. statistics: what `models.novelty` and `models.reference` read, from them.
    held_out: the fold's own cells, rows: (n,) of the run's. margin: (n,) l_malignant - l_healthy. distances: (n, 4).
    """

    fold: int
    learned: Observed
    statistics: Arrays
    held_out: Observed
    rows: npt.NDArray[np.intp]
    margin: Doubles
    distances: Doubles

    def where(self, kept: Bools) -> "FoldView":
        """Some of the held-out cells."""
        return replace(
            self,
            held_out=self.held_out.where(kept),
            rows=self.rows[kept],
            margin=self.margin[kept],
            distances=self.distances[kept],
        )


@dataclass(frozen=True)
class FoldLimits:
    """What held-out cells of several folds tell: probabilities and how far out is too far."""

    calibration: Calibration
    band: Band
    novelty: NoveltyLimits
    conformal: ConformalLimits


def fold_views(run: Run, prepared: PreparedCells) -> list[FoldView]:
    """The folds that were trained.

    Raises:
        ValueError: fewer than `FEWEST_FOLDS`.
    """
    folds = run.folds_done()
    if len(folds) < FEWEST_FOLDS:
        raise ValueError(
            f"Expected at least {FEWEST_FOLDS} trained folds in {run.folder}, got {folds}; "
            "run `python -m training fit` with --part fold0 and so on."
        )
    return [_view(run, prepared, fold) for fold in folds]


def _view(run: Run, prepared: PreparedCells, fold: int) -> FoldView:
    features, held_out = run.load(f"fold{fold}", "features"), run.load(f"fold{fold}", "held_out")
    own = np.isin(features["rows"], held_out["rows"])
    seen = observed_rows(run, prepared, features["rows"], features["features"])
    learned, left_out = seen.where(~own), seen.where(own)
    statistics = learned_statistics(learned)
    return FoldView(
        fold=fold,
        learned=learned,
        statistics=statistics,
        held_out=left_out,
        rows=features["rows"][own],
        margin=held_out["margin"],
        distances=distances_of(detector_of(statistics), left_out),
    )


def without_test_part(views: Sequence[FoldView]) -> list[FoldView]:
    """The views less the cells that judge the final weights."""
    return [view.where(view.held_out.parts != "test") for view in views]


def fit_fold_limits(views: Sequence[FoldView], *, missed: float) -> FoldLimits:
    """Calibration on all held-out cells; band and sets on probabilities that are cross-fitted over these folds.

    Args:
        missed: see `fit_band`.
    """
    margin, malignant = pooled_margin(views), pooled_malignant(views)
    groups = np.concatenate([view.held_out.groups for view in views])
    folds = np.concatenate([np.full(len(view.rows), view.fold) for view in views])
    p_malignant = cross_fitted(margin, malignant, groups, folds)
    return FoldLimits(
        calibration=fit_calibration(margin, malignant, groups),
        band=fit_band(p_malignant, malignant, missed=missed),
        novelty=farthest_kept(np.concatenate([view.distances for view in views]), groups),
        conformal=class_limits(
            p_malignant,
            malignant,
            groups,
            fitted_on="cells of every cv_fold, each scored by a network, head and calibration without its people",
        ),
    )


def pooled_margin(views: Sequence[FoldView]) -> Doubles:
    """(n,) of all held-out cells, fold by fold."""
    return np.concatenate([view.margin for view in views])


def pooled_malignant(views: Sequence[FoldView]) -> Bools:
    """(n,) of all held-out cells, fold by fold."""
    return np.concatenate([view.held_out.malignant for view in views])
