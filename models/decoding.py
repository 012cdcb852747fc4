"""Bytes of an uploaded file to the pixels of one segmented cell, or a named refusal.

Pillow reads the header first: format, size and mode are settled before one pixel is unpacked, so a
decompression bomb costs its header and no more. The formats are fixed here and decided by content; a file's
name and its declared type are never looked at.
"""

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, UnidentifiedImageError

from models.measurements import BACKGROUND_MAX, foreground_mask
from models.refusals import ImageRefused, RefusalCode, unreadable

SIDE_PX = 450
MAX_IMAGE_BYTES = 2 * 1024 * 1024
ACCEPTED_FORMATS = ("BMP", "PNG", "TIFF", "WEBP", "JPEG")

# On the 5,433 C-NMC cells here the background covers 75 % to 96 % of the picture and at most 3.2 % of the
# outermost ring belongs to the cell; the limits leave a wide margin on the refusing side.
MIN_BACKGROUND_SHARE = 0.20
MAX_RING_FOREGROUND_SHARE = 0.50
MIN_FOREGROUND_PX = 64

_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)

ImageArray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class DecodedCell:
    """One readable cell image.

    pixels: (450, 450, 3) uint8 RGB. format: Pillow's name of the container, or DICOM. lossy: True where compression
    may have changed pixels (JPEG).
    """

    pixels: ImageArray
    format: str
    lossy: bool


def decode_cell(data: bytes) -> DecodedCell:
    """Read one uploaded file.

    Args:
        data: the file's bytes, at most `MAX_IMAGE_BYTES`.

    Returns:
        The cell as (450, 450, 3) uint8 RGB with the container's name.

    Raises:
        ImageRefused: with the code of the first rule the file breaks.
    """
    if len(data) > MAX_IMAGE_BYTES:
        raise ImageRefused(
            RefusalCode.PAYLOAD_TOO_LARGE,
            f"Expected at most {MAX_IMAGE_BYTES:,} bytes, got {len(data):,}. Send one cell per file.",
        )
    if data[128:132] == b"DICM":
        return _decode_dicom(data)
    with warnings.catch_warnings():
        # A bomb warning is a refusal, and a note on odd metadata is nobody's business.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = _open(data)
        with image, _damage_refused("the pixel data is damaged or cut off"):
            _check_header(image, data)
            pixels = _unpack(image)
    _check_segmentation(pixels)
    return DecodedCell(pixels=pixels, format=str(image.format), lossy=image.format == "JPEG")


def _decode_dicom(data: bytes) -> DecodedCell:
    from models.dicom import decode_dicom  # pydicom costs a quarter of a second: only who decodes has it

    decoded = decode_dicom(data)
    _check_segmentation(decoded.pixels)
    return decoded


def _open(data: bytes) -> ImageFile.ImageFile:
    try:
        with _damage_refused("the header is damaged"):
            return Image.open(io.BytesIO(data), formats=ACCEPTED_FORMATS)
    except _BOMBS as bomb:
        raise ImageRefused(
            RefusalCode.IMAGE_WRONG_SIZE, f"Expected {SIDE_PX}x{SIDE_PX} pixels, got far more."
        ) from bomb
    except UnidentifiedImageError as unknown:
        if _looks_like_an_accepted_format(data):
            raise unreadable("the header is damaged") from unknown
        raise ImageRefused(
            RefusalCode.UNSUPPORTED_MEDIA_TYPE,
            "Expected a BMP, PNG, TIFF, lossless WebP, JPEG or DICOM file; the content is none of these.",
        ) from unknown


@contextlib.contextmanager
def _damage_refused(why: str) -> Iterator[None]:
    """Refuse what Pillow cannot read, whatever it raises: each release finds another error for damaged bytes."""
    try:
        yield
    except (ImageRefused, UnidentifiedImageError, *_BOMBS):
        raise
    except Exception as broken:
        raise unreadable(why) from broken


def _looks_like_an_accepted_format(data: bytes) -> bool:
    magics = (b"BM", b"\x89PNG", b"II*\x00", b"MM\x00*", b"\xff\xd8\xff")
    return data.startswith(magics) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _check_header(image: ImageFile.ImageFile, data: bytes) -> None:
    if image.size != (SIDE_PX, SIDE_PX):
        width, height = image.size
        raise ImageRefused(
            RefusalCode.IMAGE_WRONG_SIZE,
            f"Expected {SIDE_PX}x{SIDE_PX} pixels, got {width}x{height}. Do not resize: cut {SIDE_PX}x{SIDE_PX} "
            "around the cell at the original magnification.",
        )
    if image.mode not in ("RGB", "RGBA"):
        raise unreadable(f"expected 8-bit RGB, got mode {image.mode}")
    if getattr(image, "n_frames", 1) != 1:
        raise unreadable("expected one picture, got several frames or pages")
    if image.format == "TIFF" and image.info.get("compression") not in (
        "raw",
        "tiff_lzw",
        "tiff_adobe_deflate",
    ):
        raise unreadable("expected a TIFF without compression, or with LZW or deflate")
    if image.format == "WEBP" and b"VP8L" not in data[12:64]:
        raise unreadable("expected lossless WebP, got a lossy one")


def _unpack(image: ImageFile.ImageFile) -> ImageArray:
    image.load()
    pixels = np.asarray(image, dtype=np.uint8)
    if pixels.shape[2] == 4:
        if (pixels[..., 3] != 255).any():
            raise unreadable("expected an opaque picture, got transparent pixels")
        pixels = pixels[..., :3]
    return np.ascontiguousarray(pixels)


def _check_segmentation(pixels: ImageArray) -> None:
    foreground = foreground_mask(pixels)
    if np.count_nonzero(foreground) < MIN_FOREGROUND_PX:
        raise ImageRefused(
            RefusalCode.IMAGE_EMPTY,
            f"Expected one cell on black, got fewer than {MIN_FOREGROUND_PX} pixels brighter than {BACKGROUND_MAX}.",
        )
    ring = np.concatenate([foreground[0], foreground[-1], foreground[1:-1, 0], foreground[1:-1, -1]])
    background_share = 1.0 - float(foreground.mean())
    if background_share < MIN_BACKGROUND_SHARE or float(ring.mean()) > MAX_RING_FOREGROUND_SHARE:
        raise ImageRefused(
            RefusalCode.IMAGE_NOT_SEGMENTED,
            "Expected one segmented cell on a black background; "
            f"{background_share:.0%} of the picture and {1 - float(ring.mean()):.0%} of its frame are black.",
        )
