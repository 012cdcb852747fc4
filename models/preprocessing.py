"""Pixels of one cell to the network's input: the only copy, for training, evaluation and serving.

A bundle states its recipe in the manifest. The paper's recipe is `PAPER` (section on input data of the paper:
centre crop 450 -> 250, /255, minus the per-image, per-channel mean of the crop, background included).
"""

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from models.measurements import ImageArray, Mask, foreground_mask

Floats = npt.NDArray[np.float32]


class Preprocessing(BaseModel):
    """One recipe.

    version: counts up whenever the same recipe would give other numbers; a bundle made with another one is
    refused.
    crop_px: side of the square cut from the picture. output_px: side of the network's input; smaller than
    `crop_px` means one fixed downscale by area averaging, never a per-cell resize, because size is signal.
    centre: `image` cuts around the picture's middle, `cell` around the middle of the cell's bounding box.
    mean: `crop` subtracts the crop's own channel means; three numbers (0..1, RGB) are subtracted as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    crop_px: int = Field(ge=32, le=450)
    output_px: int = Field(ge=32, le=450)
    centre: Literal["image", "cell"]
    mean: Literal["crop"] | tuple[float, float, float]

    def crop(self, pixels: ImageArray) -> ImageArray:
        """Cut what the network sees. (450, 450, 3) uint8 -> (output_px, output_px, 3) uint8."""
        top, left = self._corner(pixels)
        cut = pixels[top : top + self.crop_px, left : left + self.crop_px]
        if self.output_px != self.crop_px:
            size = (self.output_px, self.output_px)
            cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
        return np.ascontiguousarray(cut)

    def window(self, pixels: ImageArray) -> tuple[int, int, int]:
        """Where the crop lies in the picture: (top, left, side) in pixels."""
        top, left = self._corner(pixels)
        return top, left, self.crop_px

    def normalise(self, crop: ImageArray) -> Floats:
        """Scale to 0..1 and subtract the mean. (h, w, 3) uint8 -> (h, w, 3) float32."""
        return subtract_mean(crop, self.channel_mean(crop))

    def channel_mean(self, crop: ImageArray) -> tuple[float, float, float]:
        """What `normalise` subtracts, 0..1, RGB. (h, w, 3) uint8 -> three numbers."""
        if self.mean != "crop":
            return self.mean
        red, green, blue = (value / 255.0 for value in cv2.mean(crop)[:3])
        return red, green, blue

    def prepare(self, pixels: ImageArray) -> Floats:
        """The network's input for one cell. (450, 450, 3) uint8 -> (output_px, output_px, 3) float32."""
        return self.normalise(self.crop(pixels))

    def _corner(self, pixels: ImageArray) -> tuple[int, int]:
        height, width = pixels.shape[:2]
        middle_y, middle_x = height // 2, width // 2
        if self.centre == "cell":
            rows, columns = _extent(foreground_mask(pixels))
            middle_y, middle_x = sum(rows) // 2, sum(columns) // 2
        top = min(max(middle_y - self.crop_px // 2, 0), height - self.crop_px)
        left = min(max(middle_x - self.crop_px // 2, 0), width - self.crop_px)
        return top, left


PAPER = Preprocessing(crop_px=250, output_px=250, centre="image", mean="crop")


def subtract_mean(pixels: ImageArray, mean: tuple[float, float, float]) -> Floats:
    """Pixels / 255 minus a mean of 0..1 per channel. (h, w, 3) uint8 -> (h, w, 3) float32.

    A table of 256 values per channel does both at once and rounds only once: with the mean taken from the
    integers, the result does not depend on the order of a float32 sum.
    """
    table = (np.arange(256)[:, None] / 255.0 - np.array(mean)[None, :]).astype(np.float32)
    return np.asarray(cv2.LUT(pixels, table[None]))


def cell_weights(crop: ImageArray, map_side: int) -> Floats:
    """How far each position of a feature map lies inside the cell.

    Args:
        crop: (s, s, 3) uint8, what the network saw.
        map_side: side of the feature map.

    Returns:
        (map_side, map_side) float32, 1 where the position's whole field of the crop, one position around it
        included, is cell and 0 elsewhere. A cell too small to hold such a position gets its covered shares.
    """
    mask = foreground_mask(crop).astype(np.float32)
    share = cv2.resize(mask, (map_side, map_side), interpolation=cv2.INTER_AREA)
    whole = (share > 0.999).astype(np.uint8)
    eroded = cv2.erode(whole, np.ones((3, 3), np.uint8), borderValue=1)
    for candidate in (eroded, whole):
        if candidate.any():
            return np.asarray(candidate, dtype=np.float32)
    return np.asarray(share if share.any() else np.ones_like(share), dtype=np.float32)


def _extent(mask: Mask) -> tuple[tuple[int, int], tuple[int, int]]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        height, width = mask.shape
        return (0, height), (0, width)
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)
