"""How far a heatmap can be trusted: whether it lies on the cell, and whether the weights matter to it."""

import cv2
import numpy as np
import numpy.typing as npt

from models.measurements import Mask
from models.preprocessing import Floats


def share_inside(heatmap: Floats, inside: Mask) -> float:
    """Share of a map's mass on the cell, 0..1; 0 for a map of zeros.

    Args:
        heatmap: (h, w) >= 0. inside: (s, s) bool, the foreground of the crop the map covers.
    """
    spread = cv2.resize(heatmap, inside.shape[::-1], interpolation=cv2.INTER_LINEAR)
    total = float(spread.sum())
    return float(spread[inside].sum()) / total if total > 0 else 0.0


def likeness(one: Floats, other: Floats) -> float:
    """Rank correlation of two maps over the positions where either is not zero, -1..1; 0 where either is flat.

    A map that stays like itself when the weights are drawn at random explains the picture, not the model (Adebayo et
    al. 2018, arXiv:1810.03292).
    """
    shown = (one > 0) | (other > 0)
    first, second = one[shown], other[shown]
    if not shown.any() or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Floats) -> npt.NDArray[np.float64]:
    return np.argsort(np.argsort(values)).astype(np.float64)
