"""What is done to an uploaded file inside a decoder process, and what comes out.

These functions run on hostile bytes, so they run in child processes only (`decoder_pool`), which import that module, this
one and what these need.
"""

import hashlib
import math
from dataclasses import dataclass

import cv2
import numpy as np

from models.decoding import decode_cell
from models.measurements import ImageArray, measure_cell
from models.preprocessing import Preprocessing

cv2.setNumThreads(1)

LOSSY = "jpeg_artefacts_possible"
TOUCHES_FRAME = "cell_touches_the_frame"
SEVERAL_PARTS = "several_separate_parts"


@dataclass(frozen=True)
class Picture:
    """One uploaded file that has the form of a cell image.

    image_sha256: of the bytes as they came. pixels_sha256: of the decoded (450, 450, 3) uint8 RGB pixels.
    png: the same pixels, encoded anew, so that no byte of the upload is ever served back.
    """

    image_sha256: str
    pixels_sha256: str
    pixels: ImageArray
    png: bytes
    format: str
    measurements: dict[str, float]
    warnings: tuple[str, ...]


def read_upload(data: bytes) -> Picture:
    """Decode, measure and re-encode one file.

    Raises:
        ImageRefused: the file does not have the form of a cell image.
    """
    decoded = decode_cell(data)
    measurements = measure_cell(decoded.pixels)
    return Picture(
        image_sha256=hashlib.sha256(data).hexdigest(),
        pixels_sha256=hashlib.sha256(decoded.pixels.tobytes()).hexdigest(),
        pixels=decoded.pixels,
        png=encode_png(decoded.pixels),
        format=decoded.format,
        measurements=measurements,
        warnings=_warnings(decoded.lossy, measurements),
    )


def read_stored(png: bytes) -> ImageArray:
    """The pixels of a picture from the image store: (450, 450, 3) uint8 RGB."""
    return decode_cell(png).pixels


def crop_stored(png: bytes, recipe: Preprocessing) -> bytes:
    """What the network sees of a stored picture, as PNG."""
    return encode_png(recipe.crop(decode_cell(png).pixels))


def thumbnail_stored(png: bytes) -> bytes:
    """A stored picture at half its size, every cell at the same scale, as PNG."""
    pixels = decode_cell(png).pixels
    height, width = pixels.shape[:2]
    half = cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return encode_png(np.asarray(half, np.uint8))


def window_stored(png: bytes, recipe: Preprocessing) -> tuple[int, int, int]:
    """Where the crop lies in a stored picture: (top, left, side) in pixels."""
    return recipe.window(decode_cell(png).pixels)


def heatmap_stored(png: bytes, recipe: Preprocessing, heatmap: bytes) -> bytes:
    """The Grad-CAM map of a stored picture as a layer to lay over it, as PNG with opacity.

    Args:
        heatmap: (side, side) float16, little-endian, 0..1, over the crop that `recipe` cuts.

    Returns:
        A picture of the stored one's size: where the map is 0 and outside the crop it is clear.
    """
    pixels = decode_cell(png).pixels
    top, left, side = recipe.window(pixels)
    values = np.frombuffer(heatmap, "<f2").astype(np.float32)
    map_side = math.isqrt(values.size)
    spread = cv2.resize(values.reshape(map_side, map_side), (side, side), interpolation=cv2.INTER_LINEAR)
    strength = (spread.clip(0, 1) * 255).astype(np.uint8)
    layer = np.zeros((*pixels.shape[:2], 4), np.uint8)
    layer[top : top + side, left : left + side, :3] = cv2.cvtColor(
        cv2.applyColorMap(strength, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB
    )
    layer[top : top + side, left : left + side, 3] = strength
    return encode_png(layer)


def encode_png(pixels: ImageArray) -> bytes:
    """(h, w, 3) uint8 RGB, or (h, w, 4) with opacity -> PNG without metadata."""
    swapped = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, swapped))
    if not done:
        raise ValueError(f"Expected pixels that can be written as PNG, got shape {pixels.shape}.")
    return np.asarray(encoded).tobytes()


def _warnings(lossy: bool, measurements: dict[str, float]) -> tuple[str, ...]:
    found = {
        LOSSY: lossy,
        TOUCHES_FRAME: measurements["frame_share"] > 0,
        SEVERAL_PARTS: measurements["main_part_share"] < 0.9,
    }
    return tuple(name for name, holds in found.items() if holds)
