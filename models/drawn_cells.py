"""Synthetic cells: the one generator, for tests, golden files and the newcomer's sample.

They have the form of C-NMC images (450x450, one stained blob, black background) and nothing else of them;
whatever a network says about one means nothing, and every page that shows one says that it is drawn.
"""

import cv2
import numpy as np

from models.decoding import SIDE_PX
from models.measurements import ImageArray


def draw_cell(seed: int, *, radius_px: float | None = None) -> ImageArray:
    """Draw one cell; the same seed gives the same pixels.

    Args:
        seed: any non-negative integer.
        radius_px: mean radius; drawn from 80 to 115 when not given.

    Returns:
        (450, 450, 3) uint8 RGB, background exactly 0.
    """
    random = np.random.default_rng(seed)
    radius = random.uniform(80, 115) if radius_px is None else radius_px
    mask = _blob(random, radius, wobble=0.04)
    nucleus = _blob(random, radius * random.uniform(0.82, 0.92), wobble=0.06)
    cytoplasm_colour = np.array([92, 46, 100]) + random.uniform(-4, 4, 3)
    nucleus_colour = np.array([64, 26, 77]) + random.uniform(-4, 4, 3)
    picture = np.where(nucleus[..., None] & mask[..., None], nucleus_colour, cytoplasm_colour)
    picture = picture + _chromatin(random)[..., None] * np.array([6.0, 4.0, 5.0])
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.2)
    cell = np.clip(smooth + random.normal(0, 0.6, smooth.shape), 12, 255).astype(np.uint8)
    cell[~mask] = 0
    return np.asarray(cell, np.uint8)


def _blob(random: np.random.Generator, radius: float, wobble: float) -> np.ndarray:
    """A rounded outline of a few random harmonics, filled: (450, 450) bool."""
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    middle = SIDE_PX / 2 + random.uniform(-4, 4, 2)
    angle = np.arctan2(rows - middle[0], columns - middle[1])
    edge = np.full_like(angle, radius)
    for order in (2, 3, 4, 5):
        amplitude, phase = random.normal(0, wobble / order * 2), random.uniform(0, 2 * np.pi)
        edge = edge + radius * amplitude * np.cos(order * angle + phase)
    return np.asarray(np.hypot(rows - middle[0], columns - middle[1]) < edge)


def _chromatin(random: np.random.Generator) -> np.ndarray:
    """Clumpy noise of unit deviation at two scales: (450, 450) float64."""
    noise = np.zeros((SIDE_PX, SIDE_PX))
    for sigma, share in ((2.5, 0.6), (7.0, 0.8)):
        layer = cv2.GaussianBlur(random.normal(0, 1, noise.shape), (0, 0), sigma)
        noise += share * layer / layer.std()
    return noise
