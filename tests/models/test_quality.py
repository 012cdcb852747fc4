import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from models.bundle import read_bundle
from models.decoding import decode_cell
from models.drawn_cells import draw_cell
from models.measurements import ImageArray, foreground_mask, measure_cell
from models.preprocessing import Preprocessing
from models.quality import INSPECTIONS, Limits, Quality, QualityLevel, inspect_cell, judge_quality
from tests.shipped import SHIPPED_FOLDER

RECIPE = Preprocessing(crop_px=304, output_px=304, centre="cell", mean="crop")
LIMITS = read_bundle(SHIPPED_FOLDER).manifest.quality


def gate(pixels: ImageArray) -> Quality:
    return judge_quality(measure_cell(pixels) | inspect_cell(pixels, RECIPE), LIMITS)


def inside(picture: ImageArray, cell: ImageArray) -> ImageArray:
    return np.where(foreground_mask(cell)[..., None], np.maximum(picture, 12), 0).astype(np.uint8)


def as_jpeg(cell: ImageArray, quality: int) -> ImageArray:
    file = io.BytesIO()
    Image.fromarray(cell).save(file, "JPEG", quality=quality)
    return decode_cell(file.getvalue()).pixels


def shifted(cell: ImageArray, pixels: int) -> ImageArray:
    return np.pad(cell, ((0, 0), (0, pixels), (0, 0)))[:, pixels:]


def turned_hue(cell: ImageArray) -> ImageArray:
    hsv = cv2.cvtColor(cell, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + 60) % 180
    return inside(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), cell)


SPOILT: dict[str, tuple[Callable[[ImageArray], ImageArray], str]] = {
    "two cells": (
        lambda cell: np.maximum(shifted(cell, 110), shifted(cell[:, ::-1], 110)[:, ::-1]),
        "several",
    ),
    "cut by the frame": (lambda cell: shifted(cell, 200), "cell_cut_by_the_frame"),
    "blurred": (lambda cell: inside(cv2.GaussianBlur(cell, (0, 0), 4), cell), "out_of_focus"),
    "dark": (lambda cell: inside(cell // 3, cell), "under_exposed"),
    "bright": (lambda cell: inside(255 - (255 - cell) // 3, cell), "over_exposed"),
    "another stain": (turned_hue, "stain_outside_training_range"),
    "noisy": (
        lambda cell: inside(np.random.default_rng(0).integers(0, 255, cell.shape).astype(np.uint8), cell),
        "texture_outside_training_range",
    ),
    "worst JPEG": (lambda cell: as_jpeg(cell, 5), "jpeg_artefacts"),
    "twice the size": (
        lambda cell: cv2.resize(cell[112:338, 112:338], (450, 450)),
        "size_outside_training_range",
    ),
    "a quarter of the size": (
        lambda cell: np.pad(cv2.resize(cell, (112, 112)), ((169, 169), (169, 169), (0, 0))),
        "no_cell",
    ),
}


@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_cell_passes_the_shipped_gate(seed: int) -> None:
    assert gate(draw_cell(seed)).level is not QualityLevel.NOT_ASSESSABLE


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_picture_is_not_assessable_and_says_why(name: str) -> None:
    spoil, reason = SPOILT[name]
    found = gate(spoil(draw_cell(1)))
    assert found.level is QualityLevel.NOT_ASSESSABLE
    assert any(code.startswith(reason) for code in found.reasons), found.reasons


def test_a_good_jpeg_is_assessed() -> None:
    assert gate(as_jpeg(draw_cell(1), 92)).level is not QualityLevel.NOT_ASSESSABLE


def test_what_the_crop_leaves_out_is_counted() -> None:
    wide = np.zeros((450, 450, 3), np.uint8)
    wide[200:250, 25:425] = 80
    assert inspect_cell(wide, RECIPE)["lost_share"] == pytest.approx(96 / 400)


def test_inspections_are_always_the_same_names() -> None:
    assert tuple(inspect_cell(draw_cell(1), RECIPE)) == INSPECTIONS


def test_the_worst_reason_comes_first() -> None:
    limits = {"a": (Limits(reason="soft", high=1),), "b": (Limits(reason="hard", highest=1),)}
    assert judge_quality({"a": 2, "b": 2}, limits) == Quality(QualityLevel.NOT_ASSESSABLE, ("hard", "soft"))
    assert judge_quality({"a": 2, "b": 0}, limits) == Quality(QualityLevel.WARN, ("soft",))
    assert judge_quality({"a": 0, "b": 0}, limits) == Quality(QualityLevel.PASSED, ())


def test_limits_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="lowest <= low"):
        Limits(reason="x", lowest=2, low=1)
