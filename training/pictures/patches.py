"""Native-resolution patches from inside a cell, and the same augmentation for both classes."""

import cv2
import numpy as np
import numpy.typing as npt

from models.measurements import ImageArray, foreground_mask
from models.preprocessing import cell_weights
from models.views import turn

PATCH_PX = 136
"""Side of a patch. 34 positions of a block-2 map; see `INNER_POSITIONS`."""

INNER_POSITIONS = 32
"""Side of the block-2 map kept from a patch: its outermost positions saw the patch's zero padding, which a
whole cell does not have."""

POOLED_POSITIONS = INNER_POSITIONS - 6
"""Side of the block-3 map after three unpadded convolutions: what is pooled."""

STAIN_BRIGHTNESS, STAIN_CHANNEL = 0.04, 0.02
"""Deviations of the gain that all channels share, and of each channel's own."""

Floats = npt.NDArray[np.float32]


def sample_patch(pixels: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Cut one patch around a random place well inside the cell, flipped or turned at random.

    Its centre is drawn from the places at least half as deep as the cell's deepest. No zoom and no resize:
    scale is signal.

    Args:
        pixels: (450, 450, 3) uint8 RGB.

    Returns:
        (PATCH_PX, PATCH_PX, 3) uint8 RGB.
    """
    depth = cv2.distanceTransform(foreground_mask(pixels).astype(np.uint8), cv2.DIST_L2, 3)
    rows, columns = np.nonzero(depth >= 0.5 * depth.max())
    chosen = rng.integers(rows.size)
    half = PATCH_PX // 2
    framed = np.pad(pixels, ((half, half), (half, half), (0, 0)))
    top, left = int(rows[chosen]), int(columns[chosen])
    patch = framed[top : top + PATCH_PX, left : left + PATCH_PX]
    return turn(patch, int(rng.integers(8)))


def jitter_stain(pixels: ImageArray, rng: np.random.Generator, strength: float = 1.0) -> ImageArray:
    """Scale brightness and each channel by gains of `strength` times these deviations; black stays black. (h, w, 3) uint8 -> same."""
    gain = rng.normal(1.0, STAIN_BRIGHTNESS * strength) * rng.normal(1.0, STAIN_CHANNEL * strength, 3)
    table = np.clip(np.arange(256)[:, None] * gain[None, :], 0, 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table[None]))


def pooling_weights(patch: ImageArray) -> Floats:
    """Cell weights of the positions that are pooled.

    (PATCH_PX, PATCH_PX, 3) uint8 -> (POOLED_POSITIONS, POOLED_POSITIONS) float32, 0..1.
    """
    weights = cell_weights(patch, PATCH_PX // 4)
    margin = (weights.shape[0] - POOLED_POSITIONS) // 2
    return np.ascontiguousarray(weights[margin:-margin, margin:-margin])
