"""What a network must beat: area alone, and boosted trees on the measurements."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from models.measurements import MEASUREMENTS
from models.preprocessing import Floats
from training.sampling import balanced_weights

Doubles = npt.NDArray[np.float64]


def area_score(measurements: Floats) -> Doubles:
    """Area in pixels as a score; malignant cells are larger. (n, m) -> (n,)."""
    return measurements[:, MEASUREMENTS.index("area_px2")].astype(np.float64)


def boosted_probabilities(
    learned: Floats,
    malignant: npt.NDArray[np.bool_],
    groups: Sequence[str],
    judged: Floats,
    *,
    seed: int,
) -> Doubles:
    """p_malignant of `judged` from trees on `learned`, with the network's class and group weights.

    The trees' probabilities are those of balanced classes; they are not calibrated further.
    """
    model = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=200, l2_regularization=1.0, random_state=seed
    )
    model.fit(learned, malignant, sample_weight=balanced_weights(malignant, groups) * len(malignant))
    return np.asarray(model.predict_proba(judged)[:, 1], np.float64)
