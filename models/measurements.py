"""Size, shape, colour and texture of one segmented cell, and its mask.

One home for what the quality limits, the cell page, drift watching and the fused classifier all read.
Everything works on (450, 450, 3) uint8 RGB; lengths are in pixels, because C-NMC 2019 states no scale.
"""

import cv2
import numpy as np
import numpy.typing as npt

# Background is exactly 0 in C-NMC 2019; JPEG ringing stays below this.
BACKGROUND_MAX = 10

BLUR_REACH_PX = 34
"""Half of the widest Gaussian kernel below (sigma 8), rounded up."""

ImageArray = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


def foreground_mask(pixels: ImageArray) -> Mask:
    """True where any channel is brighter than the background. (h, w, 3) uint8 -> (h, w) bool."""
    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    # A tenth of the time of a maximum over the last axis.
    return np.asarray(np.maximum(np.maximum(red, green), blue) > BACKGROUND_MAX)


def measure_cell(pixels: ImageArray) -> dict[str, float]:
    """Measure the foreground of one cell image.

    Args:
        pixels: (450, 450, 3) uint8 RGB with at least some foreground.

    Returns:
        Name -> finite float, always the same names in the same order (`MEASUREMENTS`). Names end in their
        unit where they have one: `_px` pixels, `_px2` square pixels; shares and ratios are 0..1; colours are
        0..255 (hue 0..180, OpenCV's convention).
    """
    whole = foreground_mask(pixels)
    frame = np.concatenate([whole[0], whole[-1], whole[1:-1, 0], whole[1:-1, -1]])
    # Beyond the widest blur's reach the black background changes nothing and costs three quarters of the time.
    near = (_grown(np.asarray(whole.any(axis=1))), _grown(np.asarray(whole.any(axis=0))))
    mask, cell = whole[near], np.ascontiguousarray(pixels[near])
    values = _shape(mask) | {"frame_share": float(frame.mean())} | _colour(cell, mask) | _texture(cell, mask)
    return {name: float(np.float32(value)) for name, value in values.items()}


def _grown(occupied: Mask) -> slice:
    """From the first to the last occupied line, `BLUR_REACH_PX` farther on both sides."""
    lines = np.flatnonzero(occupied)
    return slice(max(int(lines[0]) - BLUR_REACH_PX, 0), int(lines[-1]) + 1 + BLUR_REACH_PX)


def _shape(mask: Mask) -> dict[str, float]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = [cv2.contourArea(contour) for contour in contours]
    outline = contours[int(np.argmax(areas))]
    area = float(np.count_nonzero(mask))
    perimeter = max(cv2.arcLength(outline, True), 1.0)
    hull_area = max(cv2.contourArea(cv2.convexHull(outline)), 1.0)
    _, _, width, height = cv2.boundingRect(outline)
    (_, _), (side_a, side_b), _ = cv2.minAreaRect(outline)
    _, radius = cv2.minEnclosingCircle(outline)
    long_side, short_side = max(side_a, side_b, 1.0), max(min(side_a, side_b), 1.0)
    return {
        "area_px2": area,
        "equivalent_diameter_px": float(np.sqrt(4.0 * area / np.pi)),
        "perimeter_px": perimeter,
        "width_px": float(width),
        "height_px": float(height),
        "circularity": min(4.0 * np.pi * max(areas) / perimeter**2, 1.0),
        "solidity": min(max(areas) / hull_area, 1.0),
        "aspect_ratio": short_side / long_side,
        "roundness": area / max(np.pi * radius**2, 1.0),
        "main_part_share": max(areas) / max(area, 1.0),
    }


def _colour(pixels: ImageArray, mask: Mask) -> dict[str, float]:
    values: dict[str, float] = {}
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    planes = {
        "red": pixels[..., 0],
        "green": pixels[..., 1],
        "blue": pixels[..., 2],
        "hue": hsv[..., 0],
        "saturation": hsv[..., 1],
        "lab_a": lab[..., 1],
        "lab_b": lab[..., 2],
    }
    for name, plane in planes.items():
        inside = plane[mask]
        values[f"{name}_mean"] = float(inside.mean())
        values[f"{name}_deviation"] = float(inside.std())
        if name in ("red", "green", "blue", "saturation"):
            for percent, value in zip((5, 25, 75, 95), np.percentile(inside, (5, 25, 75, 95)), strict=True):
                values[f"{name}_p{percent:02d}"] = float(value)
    return values


def _texture(pixels: ImageArray, mask: Mask) -> dict[str, float]:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    # The rim between cell and background would drown every inner gradient.
    inner = cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0).astype(bool)
    if np.count_nonzero(inner) < 16:
        inner = mask
    values: dict[str, float] = {}
    gradient = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    laplacian = cv2.Laplacian(grey, cv2.CV_32F)
    values["gradient_mean"] = float(gradient[inner].mean())
    values["gradient_p90"] = float(np.percentile(gradient[inner], 90))
    values["sharpness"] = float(laplacian[inner].std())
    previous: npt.NDArray[np.float32] = grey
    for sigma in (1, 2, 4, 8):
        blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), float(sigma)), np.float32)
        values[f"band_{sigma}px"] = float((previous - blurred)[inner].std())
        previous = blurred
    _, dark = cv2.threshold(
        grey[mask].astype(np.uint8).reshape(-1, 1), 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU
    )
    dark_share = float((dark > 0).mean())
    values["dark_share"] = dark_share
    split = grey[mask]
    dark_pixels, bright_pixels = split[dark[:, 0] > 0], split[dark[:, 0] == 0]
    both = dark_pixels.size > 0 and bright_pixels.size > 0
    values["dark_contrast"] = float(bright_pixels.mean() - dark_pixels.mean()) if both else 0.0
    return values


_SPREAD = ("mean", "deviation", "p05", "p25", "p75", "p95")

# Written down, not asked of `measure_cell`: with its first colours OpenCV builds tables, a tenth of a second for every
# process that only wants the names.
MEASUREMENTS: tuple[str, ...] = (
    "area_px2",
    "equivalent_diameter_px",
    "perimeter_px",
    "width_px",
    "height_px",
    "circularity",
    "solidity",
    "aspect_ratio",
    "roundness",
    "main_part_share",
    "frame_share",
    *(f"{plane}_{figure}" for plane in ("red", "green", "blue") for figure in _SPREAD),
    "hue_mean",
    "hue_deviation",
    *(f"saturation_{figure}" for figure in _SPREAD),
    "lab_a_mean",
    "lab_a_deviation",
    "lab_b_mean",
    "lab_b_deviation",
    "gradient_mean",
    "gradient_p90",
    "sharpness",
    "band_1px",
    "band_2px",
    "band_4px",
    "band_8px",
    "dark_share",
    "dark_contrast",
)
"""The names `measure_cell` gives, in order."""
