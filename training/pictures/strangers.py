"""Pictures that are no C-NMC cells, drawn: what a model must not answer with confidence.

Some are drawn from nothing, some are a cell that somebody stained, focused, scaled or cut differently. The kinds
are tests, not training material: no limit is fitted to them.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from models.decoding import SIDE_PX
from models.measurements import ImageArray, foreground_mask

Random = np.random.Generator
Draw = Callable[[ImageArray, Random], ImageArray]
_Picture = npt.NDArray[Any]


def photograph(_: ImageArray, random: Random) -> ImageArray:
    """Coloured clutter over the whole picture, in the spectrum of natural scenes."""
    return _scene(random)


def photograph_in_outline(cell: ImageArray, random: Random) -> ImageArray:
    """The same clutter cut out to the shape of a cell."""
    return _masked(_scene(random), cell)


def smear_field(cell: ImageArray, random: Random) -> ImageArray:
    """A bright field with many small cells, as a microscope shows it."""
    field = _bright(random)
    small = cv2.resize(cell, (150, 150), interpolation=cv2.INTER_AREA)
    for _ in range(12):
        _put(field, small, *random.integers(-30, SIDE_PX - 100, 2))
    return field


def bright_background(cell: ImageArray, random: Random) -> ImageArray:
    """One cell that nobody segmented."""
    field = _bright(random)
    _put(field, cell, 0, 0)
    return field


def other_stain(cell: ImageArray, random: Random) -> ImageArray:
    """The hue turned by 40 to 320 degrees."""
    hsv = cv2.cvtColor(cell, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + int(random.integers(20, 160))) % 180
    return _masked(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), cell)


def blurred(cell: ImageArray, random: Random) -> ImageArray:
    """Out of focus inside a sharp outline, or outline and all."""
    soft = cv2.GaussianBlur(cell, (0, 0), random.uniform(2.5, 7.0))
    return _masked(soft, cell) if random.random() < 0.5 else _u8(soft)


def empty_frame(_: ImageArray, random: Random) -> ImageArray:
    """Black, with the few bright pixels a camera gives."""
    frame = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    rows, columns = random.integers(0, SIDE_PX, (2, int(random.integers(0, 400))))
    frame[rows, columns] = random.integers(0, 255, (len(rows), 3))
    return frame


def noise(_: ImageArray, random: Random) -> ImageArray:
    """Independent random pixels."""
    return random.integers(0, 256, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)


def noise_in_outline(cell: ImageArray, random: Random) -> ImageArray:
    """Random pixels cut out to the shape of a cell."""
    return _masked(noise(cell, random), cell)


def text(_: ImageArray, random: Random) -> ImageArray:
    """Lines of letters on black."""
    page = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    for row in range(60, 430, int(random.integers(30, 70))):
        letters = "".join(chr(code) for code in random.integers(65, 91, int(random.integers(4, 16))))
        colour = tuple(map(int, random.integers(120, 256, 3)))
        cv2.putText(page, letters, (20, row), cv2.FONT_HERSHEY_SIMPLEX, random.uniform(0.7, 1.8), colour, 2)
    return page


def several_cells(cell: ImageArray, random: Random) -> ImageArray:
    """Two or three copies of the cell, apart or touching."""
    field = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    reach = int(random.integers(60, 110))
    turn = random.uniform(0, 2 * np.pi)
    count = int(random.integers(2, 4))
    for angle in turn + np.arange(count) * 2 * np.pi / count:
        _put(field, cell, round(reach * np.sin(angle)), round(reach * np.cos(angle)))
    return field


def half_size(cell: ImageArray, _: Random) -> ImageArray:
    """Half the magnification."""
    return _resized(cell, 0.5)


def double_size(cell: ImageArray, _: Random) -> ImageArray:
    """Twice the magnification."""
    return _resized(cell, 2.0)


KINDS: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        photograph,
        photograph_in_outline,
        smear_field,
        bright_background,
        other_stain,
        blurred,
        empty_frame,
        noise,
        noise_in_outline,
        text,
        several_cells,
        half_size,
        double_size,
    )
}
"""Kind -> how it is drawn from a cell and a source of randomness: (450, 450, 3) uint8 RGB in and out."""


def _u8(picture: _Picture) -> ImageArray:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _masked(picture: _Picture, cell: ImageArray) -> ImageArray:
    """`picture` where `cell` is, black elsewhere."""
    inside = foreground_mask(cell)
    return _u8(np.where(inside[..., None], np.maximum(picture, 12), 0))


def _bright(random: Random) -> ImageArray:
    """An empty bright field."""
    tint = np.array([225, 215, 225]) + random.uniform(-15, 15, 3)
    return _u8(tint + random.normal(0, 3, (SIDE_PX, SIDE_PX, 3)))


def _scene(random: Random) -> ImageArray:
    """Noise whose amplitude falls with frequency, as in photographs."""
    frequency = np.hypot(np.fft.fftfreq(SIDE_PX)[:, None], np.fft.rfftfreq(SIDE_PX)[None, :])
    weight = 1.0 / np.maximum(frequency, 1.0 / SIDE_PX) ** random.uniform(1.0, 1.6)
    planes = [
        np.fft.irfft2(np.fft.rfft2(random.normal(size=(SIDE_PX, SIDE_PX))) * weight, (SIDE_PX, SIDE_PX))
        for _ in range(3)
    ]
    scaled = [random.uniform(70, 190) + random.uniform(25, 60) * plane / plane.std() for plane in planes]
    return _u8(np.stack(scaled, axis=2))


def _put(field: ImageArray, cell: ImageArray, top: int, left: int) -> None:
    """Lay a cell over a picture, its corner at (top, left), parts outside cut off."""
    shift = np.array([[1, 0, left], [0, 1, top]], np.float32)
    size = (field.shape[1], field.shape[0])
    moved = cv2.warpAffine(cell, shift, size, flags=cv2.INTER_NEAREST)
    inside = foreground_mask(_u8(moved))
    field[inside] = moved[inside]


def _resized(cell: ImageArray, factor: float) -> ImageArray:
    middle = (SIDE_PX - 1) / 2
    scale = np.array([[factor, 0, middle * (1 - factor)], [0, factor, middle * (1 - factor)]], np.float32)
    source = cv2.GaussianBlur(cell, (0, 0), 0.8) if factor < 1 else cell
    return _u8(cv2.warpAffine(source, scale, (SIDE_PX, SIDE_PX), flags=cv2.INTER_LINEAR))
