"""What happens to a picture between microscope and model: blur, noise, stain, JPEG, rotation, shift, each by degrees.

Each takes (450, 450, 3) uint8 RGB with a black background and gives the same form; none zooms, since size is signal.
Blur, noise and stain change the cell and leave the background black, as segmentation would.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from models.measurements import BACKGROUND_MAX, ImageArray, foreground_mask

Change = Callable[[ImageArray, np.random.Generator], ImageArray]


def blurred(pixels: ImageArray, _: np.random.Generator, *, sigma_px: float) -> ImageArray:
    """Gaussian blur of the cell's own pixels: no background bleeds in."""
    inside = foreground_mask(pixels).astype(np.float32)
    weighted = cv2.GaussianBlur(pixels * inside[..., None], (0, 0), sigma_px)
    share = cv2.GaussianBlur(inside, (0, 0), sigma_px)
    return _within(pixels, weighted / np.maximum(share, 1e-3)[..., None])


def noisy(pixels: ImageArray, random: np.random.Generator, *, deviation: float) -> ImageArray:
    """Independent Gaussian noise in every channel, in steps of 0..255."""
    return _within(pixels, pixels + random.normal(0, deviation, pixels.shape))


def stained(pixels: ImageArray, _: np.random.Generator, *, strength: float) -> ImageArray:
    """The stain's optical density multiplied by `strength`; above 1 is darker."""
    return _within(pixels, 255 * (np.maximum(pixels, 1) / 255) ** strength)


def hue_shifted(pixels: ImageArray, _: np.random.Generator, *, degrees: float) -> ImageArray:
    """Hue turned on the colour circle."""
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + round(degrees / 2)) % 180  # OpenCV halves hue to fit a byte
    return _within(pixels, cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def jpeg(pixels: ImageArray, _: np.random.Generator, *, quality: int) -> ImageArray:
    """Stored as JPEG and read back, with its ringing in the background."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])


def rotated(pixels: ImageArray, _: np.random.Generator, *, degrees: float) -> ImageArray:
    """Turned about the picture's middle, linear interpolation; the outline stays sharp."""
    side = pixels.shape[0]
    turn = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), degrees, 1.0)
    inside = cv2.warpAffine(
        foreground_mask(pixels).astype(np.uint8), turn, (side, side), flags=cv2.INTER_NEAREST
    )
    turned = cv2.warpAffine(pixels, turn, (side, side), flags=cv2.INTER_LINEAR)
    return np.where(inside[..., None] > 0, np.maximum(turned, BACKGROUND_MAX + 1), 0).astype(np.uint8)


def shifted(pixels: ImageArray, _: np.random.Generator, *, px: int) -> ImageArray:
    """Moved right and down; what leaves the picture is lost."""
    moved = np.zeros_like(pixels)
    moved[px:, px:] = pixels[:-px, :-px]
    return moved


def silhouette(pixels: ImageArray, _: np.random.Generator, *, colour: tuple[int, int, int]) -> ImageArray:
    """Every pixel of the cell in one colour: nothing left but its outline."""
    return np.where(foreground_mask(pixels)[..., None], np.array(colour), 0).astype(np.uint8)


def _within(pixels: ImageArray, changed: npt.NDArray[np.floating] | ImageArray) -> ImageArray:
    """Changed values where the cell is, kept above the background so that its outline stays."""
    bounded = np.clip(np.rint(changed), BACKGROUND_MAX + 1, 255)
    return np.where(foreground_mask(pixels)[..., None], bounded, 0).astype(np.uint8)


GRID: dict[str, dict[str, Change]] = {
    "blur, sigma": {f"{px} px": partial(blurred, sigma_px=px) for px in (0.7, 1.5, 3.0)},
    "noise, deviation": {f"{steps} of 255": partial(noisy, deviation=steps) for steps in (2, 5, 10)},
    "stain density": {f"x {factor}": partial(stained, strength=factor) for factor in (0.8, 0.9, 1.1, 1.25)},
    "hue": {f"{degrees:+} degrees": partial(hue_shifted, degrees=degrees) for degrees in (-10, 10)},
    "JPEG quality": {f"{quality}": partial(jpeg, quality=quality) for quality in (95, 80, 60)},
    "rotation": {f"{degrees} degrees": partial(rotated, degrees=degrees) for degrees in (15, 45, 90)},
    "shift": {f"{px} px": partial(shifted, px=px) for px in (5, 20)},
}
"""Change -> strength -> how."""
