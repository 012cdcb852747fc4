"""Altered pictures of cells: the paper's copies, and ours. A generator decides everything, so a seed names a picture."""

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from models.measurements import ImageArray, foreground_mask
from training.pictures.patches import jitter_stain
from training.profiles import Copies, Variation

COPY_SHEAR = (0.05, 0.25)
"""Smallest and largest shear of a copy. The paper says nothing of them; ours."""

COPY_NOISE = 0.02
"""Share of a salted copy's pixels that turn black or white. The paper says nothing of it; ours."""

Matrix = npt.NDArray[np.float64]


def altered(pixels: ImageArray, rng: np.random.Generator, how: Copies | Variation) -> ImageArray:
    """An altered picture as a profile wants it. (450, 450, 3) uint8 RGB -> same."""
    return altered_copy(pixels, rng, how) if isinstance(how, Copies) else varied(pixels, rng, how)


def altered_copy(pixels: ImageArray, rng: np.random.Generator, how: Copies) -> ImageArray:
    """One of the paper's copies: mirrored, turned by 20 to 339 degrees, then left so, sheared, salted or blurred.

    Each of the four comes one time in four; salt and pepper fall on the background, too, as in the paper's code.

    Args:
        pixels: (450, 450, 3) uint8 RGB.
    """
    mirrored = cv2.flip(pixels, int(rng.integers(-1, 2)))
    turned = warped(mirrored, rotation(float(rng.integers(20, 340))))
    match int(rng.integers(4)):
        case 0:
            return turned
        case 1:
            axis = how.shears[rng.integers(len(how.shears))]
            return warped(turned, shear(float(rng.uniform(*COPY_SHEAR)), axis))
        case 2:
            return salted(turned, rng)
        case _:
            return np.asarray(cv2.GaussianBlur(turned, (how.blur_px, how.blur_px), 0))


def varied(pixels: ImageArray, rng: np.random.Generator, how: Variation) -> ImageArray:
    """Ours: turned, mirrored, sheared and shifted, then stain, blur and noise inside the cell.

    No zoom, since size is signal; what was black stays black.

    Args:
        pixels: (s, s, 3) uint8 RGB.
    """
    cell = jitter_stain(_warped_at_random(pixels, rng, how), rng, how.stain)
    inside = foreground_mask(cell)
    if rng.random() < how.blur:
        cell = np.asarray(cv2.GaussianBlur(cell, (0, 0), float(rng.uniform(how.blur_px / 4, how.blur_px))))
    noise = rng.standard_normal(cell.shape, np.float32) * np.float32(rng.uniform(0.0, how.noise))
    noisy = np.clip(cell + noise, 0, 255).round().astype(np.uint8)
    noisy[~inside] = 0
    return noisy


def _warped_at_random(pixels: ImageArray, rng: np.random.Generator, how: Variation) -> ImageArray:
    mirror = np.diag([1.0 if rng.random() < 0.5 else -1.0, 1.0])
    turned = rotation(float(rng.uniform(0.0, 360.0)))
    lean = shear(float(rng.uniform(-how.shear, how.shear)), "x")
    shift = rng.uniform(-how.shift_px, how.shift_px, 2)
    return warped(pixels, lean @ turned @ mirror, shift)


def warped(pixels: ImageArray, matrix: Matrix, shift: npt.ArrayLike = (0.0, 0.0)) -> ImageArray:
    """Move every pixel by a (2, 2) matrix around the middle and a shift (x, y) in pixels; black comes in."""
    height, width = pixels.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    offset = middle + np.asarray(shift) - matrix @ middle
    return np.asarray(cv2.warpAffine(pixels, np.column_stack([matrix, offset]), (width, height)))


def rotation(degrees: float) -> Matrix:
    """(2, 2) turn."""
    angle = np.deg2rad(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def shear(amount: float, axis: Literal["x", "y", "both"]) -> Matrix:
    """(2, 2) shear along an axis, or both."""
    along_x, along_y = amount * (axis != "y"), amount * (axis != "x")
    return np.array([[1.0, along_x], [along_y, 1.0]])


def salted(pixels: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Salt and pepper on a share `COPY_NOISE` of all pixels, half each."""
    drawn = rng.random(pixels.shape[:2])
    salt, pepper = drawn < COPY_NOISE / 2, drawn > 1.0 - COPY_NOISE / 2
    return np.where(salt[..., None], 255, np.where(pepper[..., None], 0, pixels)).astype(np.uint8)
