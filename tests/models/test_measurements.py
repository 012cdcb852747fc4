"""Measurements of shapes whose values are known."""

import cv2
import numpy as np
import pytest

from models.decoding import decode_cell
from models.drawn_cells import draw_cell
from models.measurements import MEASUREMENTS, measure_cell


def disc(radius: int, colour: tuple[int, int, int] = (120, 60, 140)) -> np.ndarray:
    picture = np.zeros((450, 450, 3), np.uint8)
    cv2.circle(picture, (225, 225), radius, colour, -1)
    return picture


def test_a_disc_has_the_size_and_shape_of_a_disc() -> None:
    values = measure_cell(disc(100))
    assert values["area_px2"] == pytest.approx(np.pi * 100**2, rel=0.01)
    assert values["equivalent_diameter_px"] == pytest.approx(200, rel=0.01)
    assert values["solidity"] == pytest.approx(1.0, abs=0.02)
    assert values["aspect_ratio"] == pytest.approx(1.0, abs=0.02)
    assert values["main_part_share"] == pytest.approx(1.0, abs=0.05)
    assert values["frame_share"] == 0


def test_an_even_colour_is_measured_as_it_is() -> None:
    values = measure_cell(disc(100, (120, 60, 140)))
    assert (values["red_mean"], values["green_mean"], values["blue_mean"]) == (120, 60, 140)
    assert values["red_deviation"] == 0
    assert values["sharpness"] == 0


def test_blur_lowers_the_sharpness() -> None:
    cell = draw_cell(1)
    blurred = cv2.GaussianBlur(cell, (0, 0), 3)
    blurred[cell.max(axis=2) == 0] = 0
    assert measure_cell(blurred)["sharpness"] < 0.6 * measure_cell(cell)["sharpness"]


@pytest.mark.parametrize("radius", [4, 30, 140])
def test_every_cell_gives_every_measurement_as_a_finite_number(radius: int) -> None:
    values = measure_cell(draw_cell(2, radius_px=radius))
    assert tuple(values) == MEASUREMENTS
    assert all(np.isfinite(value) for value in values.values())


@pytest.mark.parametrize("seed", range(8))
def test_a_drawn_cell_has_the_form_of_a_cell_image(seed: int) -> None:
    done, png = cv2.imencode(".png", draw_cell(seed)[:, :, ::-1])
    assert done
    np.testing.assert_array_equal(decode_cell(png.tobytes()).pixels, draw_cell(seed))
