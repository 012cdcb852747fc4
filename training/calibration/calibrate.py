"""Slope, intercept and band, from cells nothing was fitted to; the other limits are in `training.calibration.limits`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from models.bundle import Band, Calibration
from training.cells.sampling import balanced_weights

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def fit_calibration(margin: Doubles, malignant: Bools, groups: Sequence[str]) -> Calibration:
    """Platt's slope and intercept; a slope alone cannot undo class-balanced sampling.

    Within a class a cell weighs halfway between all alike, as a calibration error counts them, and the sampler's weights, so that
    no one person's four hundred cells bend the line for everybody; the classes weigh what they are.

    Args:
        margin: (n,) l_malignant - l_healthy. malignant: (n,) bool, at the prevalence that is stated. groups: n leak groups.
    """
    weights = np.sqrt(balanced_weights(malignant, groups))
    for side in (malignant, ~malignant):
        weights[side] *= side.sum() / weights[side].sum()
    # A margin far from unit scale would be shrunk by the solver's penalty, so that is next to nothing.
    model = LogisticRegression(C=1e6).fit(margin[:, None], malignant, sample_weight=weights)
    return Calibration(
        slope=max(float(model.coef_[0, 0]), 1e-3),
        intercept=float(model.intercept_[0]),
        malignant_prevalence=float(malignant.mean()),
    )


def probabilities(margin: Doubles, calibration: Calibration) -> Doubles:
    """p_malignant of many cells: (n,) -> (n,) in 0..1, as `models.classifier.calibrated` for one."""
    z = np.clip(calibration.slope * margin + calibration.intercept, -700, 700)
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def fit_band(p_malignant: Doubles, malignant: Bools, *, missed: float) -> Band:
    """The smallest band around 0.5 that leaves at most a share `missed` of each class on the wrong side.

    Args:
        p_malignant: (n,) calibrated.
        missed: 0.1 lets a tenth of malignant cells be called healthy, and the reverse.
    """
    low = min(0.5, float(np.quantile(p_malignant[malignant], missed)))
    high = max(0.5, float(np.quantile(p_malignant[~malignant], 1.0 - missed)))
    return Band(low=round(low, 4), high=round(high, 4))


def cross_fitted(
    margin: Doubles, malignant: Bools, groups: npt.NDArray[np.str_], folds: npt.NDArray[np.int_]
) -> Doubles:
    """Out-of-fold probabilities: each fold calibrated on the margins of the other folds. (n,) -> (n,)."""
    p_malignant = np.empty(len(margin))
    for fold in np.unique(folds):
        held_out = folds == fold
        others = (values[~held_out] for values in (margin, malignant, groups))
        calibration = fit_calibration(*others)
        p_malignant[held_out] = probabilities(margin[held_out], calibration)
    return p_malignant
