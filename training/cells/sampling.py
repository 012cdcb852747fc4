"""Which cell is drawn next, so that neither a class nor one person dominates."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def balanced_weights(malignant: npt.NDArray[np.bool_], groups: Sequence[str]) -> Doubles:
    """Weight of each cell: classes equal in sum, leak groups in proportion to the root of their size.

    The root is a middle way: by size, five healthy people hold most of the weight; equally, a person with one
    cell would have it seen as often as another's four hundred.

    Args:
        malignant: (n,) bool. groups: n leak groups.

    Returns:
        (n,) float64, sum 1.
    """
    names, which = np.unique(np.asarray(groups), return_inverse=True)
    weights = 1.0 / np.sqrt(np.bincount(which, minlength=len(names)))[which]
    for side in (malignant, ~malignant):
        weights[side] *= 0.5 / weights[side].sum()
    return np.asarray(weights)


def drawing_weights(
    rows: npt.NDArray[np.intp], malignant: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]
) -> Doubles:
    """How often each of all cells is drawn where only `rows` are learned from: their `balanced_weights`, else 0.

    Args:
        malignant, groups: (n,) of all cells.

    Returns:
        (n,) float64, sum 1.
    """
    weights = np.zeros(len(malignant))
    weights[rows] = balanced_weights(malignant[rows], groups[rows])
    return weights


def draw(weights: Doubles, count: int, *, seed: int, step: int) -> npt.NDArray[np.intp]:
    """`count` cells drawn by weight; depends on (seed, step) only, so that a run can be resumed anywhere."""
    return np.random.default_rng((seed, step)).choice(len(weights), count, p=weights)


def filled_up(
    rows: npt.NDArray[np.intp], malignant: npt.NDArray[np.bool_], per_class: int, *, seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Cells of both classes, each class filled up with copies to `per_class`; of a larger one some are left out.

    Args:
        rows: (n,) of the cells. malignant: (n,) bool.

    Returns:
        (2 * per_class,) row of each, malignant ones first, and whether it is a copy.
    """
    sources, copied = [], []
    for side in (malignant, ~malignant):
        own = np.random.default_rng(seed).permutation(rows[side])
        sources.append(np.resize(own, per_class))
        copied.append(np.arange(per_class) >= len(own))
    return np.concatenate(sources), np.concatenate(copied)


def spread(rows: npt.NDArray[np.intp], groups: npt.NDArray[np.str_], per_group: int) -> npt.NDArray[np.intp]:
    """At most `per_group` rows of each leak group, evenly spaced through it; all for 0."""
    if per_group == 0:
        return rows
    kept = []
    for name in dict.fromkeys(groups[rows].tolist()):
        own = rows[groups[rows] == name]
        kept.append(own[np.linspace(0, len(own) - 1, min(per_group, len(own))).round().astype(int)])
    return np.sort(np.concatenate(kept))
