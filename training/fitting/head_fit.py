"""The head on whole cells: one logistic regression over the embedding and the measurements, and trees beside it."""

from collections.abc import Sequence
from itertools import pairwise

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

    Where there are trees, or two levels, the margin is the mean of all: the regressions follow texture, coarse and fine, the
    trees size and shape where a person's texture misleads them.

    Args:
        features: (n, d) float32 embeddings. measurements: (n, m) float32, in the order of `MEASUREMENTS`.
        malignant: (n,) bool. groups: n leak groups.

    Returns:
        The head's arrays as `models.head` names them; the embedding's standardisation is folded into the
        dense layer, the measurements' is kept as `fusion__mean` and `fusion__scale`.
    """
    fused = fused_columns(measurements)
    fusion_mean, fusion_scale = standard(fused, MEASUREMENT_FLOOR)
    scaled = (fused - fusion_mean) / fusion_scale
    weights = balanced_weights(malignant, groups) * len(malignant)
    columns = level_columns(recipe.levels or (features.shape[1] // 2,))
    share = 1.0 / (len(columns) + bool(recipe.trees))
    slope, bias = np.zeros(features.shape[1]), 0.0
    fusion = np.zeros(len(FUSED))
    for own in columns:
        mean, scale = standard(features[:, own], EMBEDDING_FLOOR)
        inputs = np.hstack([(features[:, own] - mean) / scale, scaled])
        model = LogisticRegression(C=1.0 / recipe.penalty, max_iter=2000).fit(
            inputs, malignant, sample_weight=weights
        )
        texture, measured = np.split(model.coef_[0], [len(own)])
        slope[own] = share * texture / scale
        bias += share * model.intercept_[0] - slope[own] @ mean
        fusion += share * measured
    head = {
        "head__dense1__kernel": both_logits(slope),
        "head__dense1__bias": both_logits(np.array([bias]))[0],
        "fusion__mean": fusion_mean,
        "fusion__scale": fusion_scale,
        "fusion__kernel": both_logits(fusion),
    }
    if recipe.trees:
        trees = fit_trees(fused, malignant, weights, recipe.trees)
        head |= trees | {"trees__value": share * trees["trees__value"]}
    return {name: array.astype(np.float32) for name, array in head.items()}


def level_columns(channels: Sequence[int]) -> list[npt.NDArray[np.intp]]:
    """Where each map's means and deviations stand in an embedding that holds all means before all deviations."""
    starts = np.cumsum([0, *channels])
    return [
        np.concatenate([np.arange(start, end), np.arange(start, end) + starts[-1]])
        for start, end in pairwise(starts)
    ]


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
