"""Which files have the form of a cell image, and how the others are refused."""

import contextlib
import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.decoding import MAX_IMAGE_BYTES, decode_cell
from models.drawn_cells import draw_cell
from models.refusals import ImageRefused, RefusalCode

CELL = draw_cell(3)


def encoded(pixels: np.ndarray, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def refusal_of(data: bytes) -> RefusalCode:
    with pytest.raises(ImageRefused) as refused:
        decode_cell(data)
    assert refused.value.detail
    return refused.value.code


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("BMP", {}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_every_lossless_form_gives_the_same_pixels(form: str, options: dict[str, object]) -> None:
    decoded = decode_cell(encoded(CELL, form, **options))
    assert decoded.lossy is False
    np.testing.assert_array_equal(decoded.pixels, CELL)


def test_a_jpeg_is_taken_and_marked_as_lossy() -> None:
    decoded = decode_cell(encoded(CELL, "JPEG", quality=95))
    assert decoded.lossy is True
    assert np.abs(decoded.pixels.astype(int) - CELL).mean() < 3


def test_an_opaque_alpha_channel_is_dropped() -> None:
    opaque = np.dstack([CELL, np.full(CELL.shape[:2], 255, np.uint8)])
    np.testing.assert_array_equal(decode_cell(encoded(opaque, "PNG")).pixels, CELL)


def test_a_transparent_pixel_is_refused() -> None:
    alpha = np.full(CELL.shape[:2], 255, np.uint8)
    alpha[0, 0] = 254
    assert refusal_of(encoded(np.dstack([CELL, alpha]), "PNG")) is RefusalCode.IMAGE_UNREADABLE


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7 not a picture", b"GIF89a" + bytes(50)])
def test_what_is_no_accepted_image_format_is_unsupported(data: bytes) -> None:
    assert refusal_of(data) is RefusalCode.UNSUPPORTED_MEDIA_TYPE


def test_a_gif_is_unsupported_whatever_it_shows() -> None:
    assert refusal_of(encoded(CELL, "GIF")) is RefusalCode.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("share", [0.002, 0.5, 0.98])
def test_a_truncated_file_is_refused(form: str, share: float) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    whole = encoded(CELL, form, **options)
    assert refusal_of(whole[: int(len(whole) * share)]) in (
        RefusalCode.IMAGE_UNREADABLE,
        RefusalCode.UNSUPPORTED_MEDIA_TYPE,
    )


@pytest.mark.parametrize("size", [(449, 450), (450, 449), (600, 600), (1, 1)])
def test_another_size_is_refused(size: tuple[int, int]) -> None:
    assert refusal_of(encoded(cv2.resize(CELL, size), "PNG")) is RefusalCode.IMAGE_WRONG_SIZE


def test_a_bomb_is_refused_from_its_header() -> None:
    image = Image.new("RGB", (9400, 9400))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    assert len(buffer.getvalue()) < MAX_IMAGE_BYTES
    assert refusal_of(buffer.getvalue()) is RefusalCode.IMAGE_WRONG_SIZE


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "I;16"])
def test_another_colour_mode_is_refused(mode: str) -> None:
    image = Image.new(mode, (450, 450))
    buffer = io.BytesIO()
    image.save(buffer, "TIFF" if mode in ("CMYK", "I;16") else "PNG")
    assert refusal_of(buffer.getvalue()) is RefusalCode.IMAGE_UNREADABLE


def test_a_black_picture_is_empty() -> None:
    assert refusal_of(encoded(np.zeros_like(CELL), "PNG")) is RefusalCode.IMAGE_EMPTY


def test_a_picture_without_black_background_is_not_segmented() -> None:
    bright = np.where(CELL == 0, 230, CELL).astype(np.uint8)
    assert refusal_of(encoded(bright, "PNG")) is RefusalCode.IMAGE_NOT_SEGMENTED


def test_several_pages_are_refused() -> None:
    buffer = io.BytesIO()
    page = Image.fromarray(CELL)
    page.save(buffer, "TIFF", save_all=True, append_images=[page])
    assert refusal_of(buffer.getvalue()) is RefusalCode.IMAGE_UNREADABLE


def test_a_lossy_webp_is_refused() -> None:
    assert refusal_of(encoded(CELL, "WEBP", quality=80)) is RefusalCode.IMAGE_UNREADABLE


def test_a_jpeg_inside_a_tiff_is_refused() -> None:
    assert refusal_of(encoded(CELL, "TIFF", compression="jpeg")) is RefusalCode.IMAGE_UNREADABLE


def test_a_file_over_two_megabytes_is_too_large() -> None:
    assert refusal_of(bytes(MAX_IMAGE_BYTES + 1)) is RefusalCode.PAYLOAD_TOO_LARGE


@settings(max_examples=150, deadline=None)
@given(
    form=st.sampled_from(["PNG", "BMP", "TIFF", "JPEG"]),
    flips=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=32
    ),
    kept=st.floats(0.01, 1),
)
def test_a_mutated_file_is_read_or_refused_and_nothing_else(
    form: str, flips: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(encoded(CELL, form))
    for place, value in flips:
        data[int(place * min(len(data), 4096))] = value
    shape = (450, 450, 3)
    with contextlib.suppress(ImageRefused):
        shape = decode_cell(bytes(data[: int(len(data) * kept)])).pixels.shape
    assert shape == (450, 450, 3)
