"""The head on whole cells: one logistic regression over the embedding and the measurements, and trees beside it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from models.boosted_trees import PREFIX as TREES
from models.boosted_trees import BoostedTrees
from models.measurements import MEASUREMENTS
from models.preprocessing import Floats
from training.cells.sampling import balanced_weights
from training.fitting.initial_weights import Weights
from training.fitting.tree_fit import fit_trees
from training.profiles import HeadRecipe

FUSED = tuple(name for name in MEASUREMENTS if name not in ("main_part_share", "frame_share"))
"""Measurements the head reads. Left out are two that tell of the segmentation, nearly constant here: one cell
cut off by its frame would lie sixty deviations out."""

_COLUMNS = [MEASUREMENTS.index(name) for name in FUSED]

EMBEDDING_FLOOR = 0.05
"""Smallest scale of an embedding value, where 1 is a channel's mean: a nearly silent channel stays silent."""

MEASUREMENT_FLOOR = 1e-6


def fit_head(
    features: Floats,
    measurements: Floats,
    malignant: npt.NDArray[np.bool_],
    groups: Sequence[str],
    recipe: HeadRecipe,
) -> Weights:
    """Fit with class- and group-balanced weights.

    Where there are trees the margin is the mean of both: the regression follows texture, the trees size and shape where
    a person's texture misleads it.

    Args:
        features: (n, d) float32 embeddings. measurements: (n, m) float32, in the order of `MEASUREMENTS`.
        malignant: (n,) bool. groups: n leak groups.

    Returns:
        The head's arrays as `models.head` names them; the embedding's standardisation is folded into the
        dense layer, the measurements' is kept as `fusion__mean` and `fusion__scale`.
    """
    mean, scale = standard(features, EMBEDDING_FLOOR)
    fused = fused_columns(measurements)
    fusion_mean, fusion_scale = standard(fused, MEASUREMENT_FLOOR)
    inputs = np.hstack([(features - mean) / scale, (fused - fusion_mean) / fusion_scale])
    weights = balanced_weights(malignant, groups) * len(malignant)
    model = LogisticRegression(C=1.0 / recipe.penalty, max_iter=2000).fit(
        inputs, malignant, sample_weight=weights
    )
    slope, fusion = np.split(model.coef_[0], [features.shape[1]])
    bias = model.intercept_ - (slope / scale) @ mean
    head = {
        "head__dense1__kernel": both_logits(slope / scale),
        "head__dense1__bias": both_logits(bias)[0],
        "fusion__mean": fusion_mean,
        "fusion__scale": fusion_scale,
        "fusion__kernel": both_logits(fusion),
    }
    head = {name: array.astype(np.float32) for name, array in head.items()}
    if not recipe.trees:
        return head
    both = head | fit_trees(fused, malignant, weights, recipe.trees)
    halved = ("head__dense1__kernel", "head__dense1__bias", "fusion__kernel", "trees__value")
    return both | {name: both[name] / 2 for name in halved}


def head_margin(features: Floats, measurements: Floats, head: Weights) -> npt.NDArray[np.float64]:
    """l_malignant - l_healthy of many cells at once: (n, d), (n, m) -> (n,)."""
    logits = features @ head["head__dense1__kernel"] + head["head__dense1__bias"]
    fused = (fused_columns(measurements) - head["fusion__mean"]) / head["fusion__scale"]
    logits = logits + fused @ head["fusion__kernel"]
    margin = np.asarray(logits[:, 0] - logits[:, 1], np.float64)
    if not any(name.startswith(TREES) for name in head):
        return margin
    return margin + BoostedTrees.of(head, len(FUSED)).margin(fused_columns(measurements))


def fused_columns(measurements: Floats) -> Floats:
    """(n, len(MEASUREMENTS)) -> (n, len(FUSED)), what the head reads."""
    return measurements[:, _COLUMNS]


def both_logits(slope: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Split a slope of l_malignant - l_healthy evenly over the two logits: (d,) -> (d, 2)."""
    return np.stack([slope / 2, -slope / 2], axis=1)


def standard(values: Floats, floor: float) -> tuple[Floats, Floats]:
    """Mean of each column, and its deviation or `floor`. (n, d) -> (d,), (d,)."""
    return values.mean(axis=0), np.maximum(values.std(axis=0), np.float32(floor))
