"""The quality gate: whether a picture is one whole, sharp, normally stained cell of a known size.

It looks before the network does. What it looks for is written here; where the limits lie comes from the bundle,
fitted on the people its model learned from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, model_validator

from models.measurements import ImageArray, Mask, foreground_mask
from models.preprocessing import Preprocessing

Plane = npt.NDArray[np.uint8]

RIM_PX = 9
"""How far the look at a cell's rim reaches inwards."""

JPEG_BLOCK_PX = 8


class QualityLevel(StrEnum):
    """`warn`: assessed, with a remark. `not_assessable`: no network is asked."""

    PASSED = "pass"
    WARN = "warn"
    NOT_ASSESSABLE = "not_assessable"


class Limits(BaseModel):
    """Where one measured value is usual, and where it can still be assessed; None for no bound on a side.

    reason: the code that is given when the value lies outside. A value outside `lowest..highest` makes a
    picture not assessable, one outside `low..high` gives a remark.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str
    lowest: float | None = None
    low: float | None = None
    high: float | None = None
    highest: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Limits":
        bounds = [bound for bound in (self.lowest, self.low, self.high, self.highest) if bound is not None]
        if bounds != sorted(bounds):
            raise ValueError(f"expected lowest <= low <= high <= highest, got {bounds}")
        return self

    def level(self, value: float) -> QualityLevel:
        """Where a value lies."""
        if _outside(value, self.lowest, self.highest):
            return QualityLevel.NOT_ASSESSABLE
        return QualityLevel.WARN if _outside(value, self.low, self.high) else QualityLevel.PASSED


QualityLimits = dict[str, tuple[Limits, ...]]
"""Measured value -> its limits; a value may be judged under several reasons."""


@dataclass(frozen=True)
class Quality:
    """What the gate says of a picture. reasons: codes, those of the worst level first."""

    level: QualityLevel
    reasons: tuple[str, ...]


def judge_quality(values: Mapping[str, float], limits: QualityLimits) -> Quality:
    """Hold values against limits.

    Args:
        values: `measure_cell` and `inspect_cell` of the picture together.
    """
    found = {level: list[str]() for level in QualityLevel}
    for name, each in limits.items():
        for limit in each:
            found[limit.level(values[name])].append(limit.reason)
    refused, remarked = (list(dict.fromkeys(found[level])) for level in _WORST_FIRST)
    level = QualityLevel.NOT_ASSESSABLE if refused else QualityLevel.WARN if remarked else QualityLevel.PASSED
    return Quality(level, tuple(dict.fromkeys(refused + remarked)))


_WORST_FIRST = (QualityLevel.NOT_ASSESSABLE, QualityLevel.WARN)


def inspect_cell(pixels: ImageArray, recipe: Preprocessing) -> dict[str, float]:
    """What the gate needs beside `measure_cell`.

    Args:
        pixels: (450, 450, 3) uint8 RGB with at least some foreground.
        recipe: the model's; it decides what the network would not see.

    Returns:
        `INSPECTIONS` -> finite float. `lost_share`: foreground outside the crop. `veil_share`: background that is
        not quite black, over the foreground. `rim_ratio`: brightness of the outermost two pixels over that of the
        cell just inside them. `blockiness`: steps between JPEG's 8x8 blocks over steps inside them, 1 for none.
        `brightness`: mean grey, 0..255.
    """
    whole = foreground_mask(pixels)
    top, left, side = recipe.window(pixels)
    count = float(np.count_nonzero(whole))
    seen = float(np.count_nonzero(whole[top : top + side, left : left + side]))
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    rows = _blocks_around(np.asarray(whole.any(axis=1)))
    columns = _blocks_around(np.asarray(whole.any(axis=0)))
    near, mask = grey[rows, columns], whole[rows, columns].astype(np.uint8)
    return {
        "lost_share": 1.0 - seen / count,
        "veil_share": (np.count_nonzero(grey) - np.count_nonzero(near[mask > 0])) / count,
        "rim_ratio": _rim_ratio(near, mask),
        "blockiness": max(_blockiness(near, mask), _blockiness(near.T, mask.T)),
        "brightness": cv2.mean(near, mask)[0],
    }


INSPECTIONS = ("lost_share", "veil_share", "rim_ratio", "blockiness", "brightness")
"""The names `inspect_cell` gives."""


def _outside(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _blocks_around(occupied: Mask) -> slice:
    """The occupied lines, widened to whole JPEG blocks."""
    lines = np.flatnonzero(occupied)
    first, last = int(lines[0]) // JPEG_BLOCK_PX, int(lines[-1]) // JPEG_BLOCK_PX
    return slice(first * JPEG_BLOCK_PX, (last + 1) * JPEG_BLOCK_PX)


def _rim_ratio(grey: Plane, mask: Plane) -> float:
    """A segmented cell ends abruptly; one that was blurred or scaled with its background fades out."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    inner = cv2.inRange(depth, RIM_PX / 2, RIM_PX)
    if not inner.any():
        return 1.0
    return cv2.mean(grey, cv2.inRange(depth, 0.5, 2.0))[0] / max(cv2.mean(grey, inner)[0], 1.0)


def _blockiness(grey: Plane, mask: Plane) -> float:
    """Steps from column to column across block borders over all others, inside the cell."""
    steps = cv2.absdiff(grey[:, 1:], grey[:, :-1])
    both = mask[:, 1:] & mask[:, :-1]
    step_sums = cv2.reduce(steps * both, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[0]
    counts = cv2.reduce(both, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F)[0]
    border = slice(JPEG_BLOCK_PX - 1, None, JPEG_BLOCK_PX)
    across, crossed = float(step_sums[border].sum()), float(counts[border].sum())
    within, inside = float(step_sums.sum()) - across, float(counts.sum()) - crossed
    # A tenth of a grey level keeps a flat picture from dividing by nothing.
    return (across / max(crossed, 1.0) + 0.1) / (within / max(inside, 1.0) + 0.1)
