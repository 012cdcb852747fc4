"""Boosted trees on the measurements, fitted by scikit-learn and written out as `models.boosted_trees` reads them."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import GradientBoostingClassifier

from models.preprocessing import Floats
from training.fitting.initial_weights import Weights

DEPTH = 3
LEARNING_RATE = 0.05
ALWAYS_LEFT = np.finfo(np.float32).max


def fit_trees(
    numbers: Floats, malignant: npt.NDArray[np.bool_], weights: npt.NDArray[np.float64], count: int
) -> Weights:
    """`trees__feature`, `trees__threshold`, `trees__value`; their margin is that of weighted classes.

    Friedman's stochastic gradient boosting (doi:10.1016/S0167-9473(01)00065-2), half of the cells and a few of the
    numbers a tree.

    Args:
        numbers: (n, m) float32. malignant: (n,) bool. weights: (n,) of the cells. count: of the trees.
    """
    model = GradientBoostingClassifier(
        init="zero",
        n_estimators=count,
        max_depth=DEPTH,
        learning_rate=LEARNING_RATE,
        subsample=0.5,
        max_features="sqrt",
        random_state=0,
    ).fit(numbers, malignant, sample_weight=weights)
    feature = np.zeros((count, (1 << DEPTH) - 1), np.float32)
    threshold = np.full(feature.shape, ALWAYS_LEFT, np.float32)
    value = np.zeros((count, 1 << DEPTH), np.float32)
    for index, tree in enumerate(model.estimators_[:, 0]):
        _write(tree.tree_, 0, 0, feature[index], threshold[index], value[index])
    return {
        "trees__feature": feature,
        "trees__threshold": threshold,
        "trees__value": value * np.float32(LEARNING_RATE),
    }


def _write(tree: Any, node: int, place: int, feature: Floats, threshold: Floats, value: Floats) -> None:
    """Put one node and what hangs from it at a place of the complete tree; below an early end all goes left."""
    if place >= len(feature):
        value[place - len(feature)] = tree.value[node, 0, 0]
        return
    left, right = tree.children_left[node], tree.children_right[node]
    if left < 0:
        _write(tree, node, 2 * place + 1, feature, threshold, value)
        return
    feature[place] = tree.feature[node]
    threshold[place] = _not_above(tree.threshold[node])
    _write(tree, left, 2 * place + 1, feature, threshold, value)
    _write(tree, right, 2 * place + 2, feature, threshold, value)


def _not_above(threshold: float) -> np.float32:
    """The largest float32 that is not greater: it parts float32 numbers as the float64 threshold does."""
    nearest = np.float32(threshold)
    return nearest if nearest <= threshold else np.nextafter(nearest, np.float32(-np.inf))
