"""The head on whole cells: a linear layer on the embedding, and a linear term on the measurements.

Both are logistic regressions of their own whose logits are added. A joint fit would let the embedding, which
the last block has already fitted to the training cells, push the measurements aside.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from models.preprocessing import Floats
from training.initial_weights import Weights
from training.sampling import balanced_weights


def fit_head(
    features: Floats,
    measurements: Floats,
    malignant: npt.NDArray[np.bool_],
    groups: Sequence[str],
    *,
    head_penalty: float,
    fusion_penalty: float,
) -> Weights:
    """Fit both terms with class- and group-balanced weights.

    Args:
        features: (n, d) float32 embeddings. measurements: (n, m) float32, in the order of `MEASUREMENTS`.
        malignant: (n,) bool. groups: n leak groups.
        head_penalty, fusion_penalty: inverse of scikit-learn's C on standardised inputs.

    Returns:
        The head's arrays as `models.head` names them; the embedding's standardisation is folded into the
        dense layer, the measurements' is kept as `fusion__mean` and `fusion__scale`.
    """
    weights = balanced_weights(malignant, groups) * len(malignant)
    mean, scale = standard(features)
    slope, intercept = _logistic((features - mean) / scale, malignant, weights, head_penalty)
    fusion_mean, fusion_scale = standard(measurements)
    fusion, fusion_intercept = _logistic(
        (measurements - fusion_mean) / fusion_scale, malignant, weights, fusion_penalty
    )
    bias = intercept + fusion_intercept - float((slope / scale) @ mean)
    arrays = {
        "head__dense1__kernel": both_logits(slope / scale),
        "head__dense1__bias": both_logits(np.array([bias]))[0],
        "fusion__mean": fusion_mean,
        "fusion__scale": fusion_scale,
        "fusion__kernel": both_logits(fusion),
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def head_margin(features: Floats, measurements: Floats, head: Weights) -> npt.NDArray[np.float64]:
    """l_malignant - l_healthy of many cells at once: (n, d), (n, m) -> (n,)."""
    logits = features @ head["head__dense1__kernel"] + head["head__dense1__bias"]
    logits = logits + ((measurements - head["fusion__mean"]) / head["fusion__scale"]) @ head["fusion__kernel"]
    return np.asarray(logits[:, 0] - logits[:, 1], np.float64)


def both_logits(slope: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Split a slope of l_malignant - l_healthy evenly over the two logits: (d,) -> (d, 2)."""
    return np.stack([slope / 2, -slope / 2], axis=1)


def standard(values: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of each column; 1 where it does not vary. (n, d) -> (d,), (d,)."""
    deviation = values.std(axis=0)
    return values.mean(axis=0), np.where(deviation > 1e-6, deviation, 1.0).astype(np.float32)


def _logistic(
    inputs: Floats, malignant: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64], penalty: float
) -> tuple[npt.NDArray[np.float64], float]:
    model = LogisticRegression(C=1.0 / penalty, max_iter=1000).fit(inputs, malignant, sample_weight=weights)
    return model.coef_[0], float(model.intercept_[0])
