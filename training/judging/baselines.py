"""What a network must beat: area, the silhouette, measurements with trees, and a VGG16 that was never trained on cells."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from models.measurements import MEASUREMENTS
from models.preprocessing import Floats
from training.calibration.calibrate import cross_fitted, fit_calibration, probabilities
from training.cells.sampling import balanced_weights
from training.cells.splits import Split

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

AREA, SILHOUETTE, TREES, FROZEN_REFERENCE = "area", "silhouette", "measurements", "frozen_reference"
BASELINE_NAMES = {
    AREA: "area alone",
    SILHOUETTE: "silhouette, boosted trees",
    TREES: "measurements, boosted trees",
    FROZEN_REFERENCE: "frozen VGG16 block 3 with measurements",
}

SHAPES = MEASUREMENTS[: MEASUREMENTS.index("main_part_share") + 1]
"""What a mask alone tells; colour and texture begin after these."""

FEATURE_PENALTY = 100.0
"""Inverse of scikit-learn's C for the frozen reference's head, on standardised features."""


@dataclass(frozen=True)
class Described:
    """Cells as the baselines see them, in the order of a run's.

    measurements: (n, len(MEASUREMENTS)) float32. features: (n, d) float32 of `training.judging.frozen_reference`, None where
    they were not computed. malignant: (n,) bool. groups: (n,) leak groups.
    """

    measurements: Floats
    features: Floats | None
    malignant: npt.NDArray[np.bool_]
    groups: npt.NDArray[np.str_]
    seed: int

    @property
    def baselines(self) -> tuple[str, ...]:
        """Those that can be computed."""
        return tuple(name for name in BASELINE_NAMES if name != FROZEN_REFERENCE or self.features is not None)


def area_score(measurements: Floats) -> Doubles:
    """Logarithm of the area; malignant cells are larger. (n, m) -> (n,)."""
    return np.log(measurements[:, MEASUREMENTS.index("area_px2")].astype(np.float64))


# Threads that wait for one another collapse on a busy machine; one is enough for a few thousand rows.
@threadpool_limits.wrap(limits=1)
def baseline_margins(cells: Described, learned: Rows, judged: Rows) -> dict[str, Doubles]:
    """Each baseline fitted on `learned` with the network's class and group weights: name -> (len(judged),) logits.

    Logits are those of balanced classes, the area's its logarithm; all want calibration.
    """
    shapes = cells.measurements[:, : len(SHAPES)]
    found = {
        AREA: area_score(cells.measurements[judged]),
        SILHOUETTE: _boosted(shapes, cells, learned, judged),
        TREES: _boosted(cells.measurements, cells, learned, judged),
    }
    if cells.features is not None:
        linear = make_pipeline(StandardScaler(), LogisticRegression(C=1.0 / FEATURE_PENALTY, max_iter=2000))
        linear.fit(
            cells.features[learned],
            cells.malignant[learned],
            logisticregression__sample_weight=_weights(cells, learned),
        )
        frozen = linear.decision_function(cells.features[judged])
        found[FROZEN_REFERENCE] = (frozen + found[TREES]) / 2
    return found


def baselines_out_of_fold(cells: Described, folds: npt.NDArray[np.int_], rows: Rows) -> dict[str, Doubles]:
    """Calibrated probabilities of `rows`: each fold learned and calibrated without its own cells.

    Args:
        folds: (n,) fold of every cell; a fold is learned from all cells of the others, rows of them or not.

    Returns:
        Name -> (len(rows),) p_malignant, calibrated on the other folds' rows.
    """
    margins = _held_out_margins(cells, folds, np.arange(len(folds)), rows)
    return {
        name: cross_fitted(margin, cells.malignant[rows], cells.groups[rows], folds[rows])
        for name, margin in margins.items()
    }


def baselines_on_part(cells: Described, folds: npt.NDArray[np.int_], split: Split) -> dict[str, Doubles]:
    """Calibrated probabilities of the test part: name -> (len(split.test),).

    Calibrated on the val part, or where that is learned from, on the train part out of fold.
    """
    learned, calibrating = split.train, split.val if len(split.val) else split.train
    own = (
        baseline_margins(cells, learned, calibrating)
        if len(split.val)
        else _held_out_margins(cells, folds, learned, learned)
    )
    asked = baseline_margins(cells, learned, split.test)
    return {
        name: probabilities(
            margin, fit_calibration(own[name], cells.malignant[calibrating], cells.groups[calibrating])
        )
        for name, margin in asked.items()
    }


def _held_out_margins(
    cells: Described, folds: npt.NDArray[np.int_], learned: Rows, judged: Rows
) -> dict[str, Doubles]:
    """Logits of `judged`, each fold's from those of `learned` that lie in other folds."""
    margins = {name: np.empty(len(judged)) for name in cells.baselines}
    for fold in np.unique(folds[judged]):
        own = folds[judged] == fold
        for name, found in baseline_margins(cells, learned[folds[learned] != fold], judged[own]).items():
            margins[name][own] = found
    return margins


def _boosted(values: Floats, cells: Described, learned: Rows, judged: Rows) -> Doubles:
    """Logits of gradient-boosted trees on the columns of `values`."""
    model = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=200, l2_regularization=1.0, random_state=cells.seed
    )
    model.fit(values[learned], cells.malignant[learned], sample_weight=_weights(cells, learned))
    return np.asarray(model.decision_function(values[judged]), np.float64)


def _weights(cells: Described, learned: Rows) -> Doubles:
    return balanced_weights(cells.malignant[learned], cells.groups[learned]) * len(learned)
