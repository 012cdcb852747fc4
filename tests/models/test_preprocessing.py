"""The one preprocessing gives the numbers the paper describes, and cuts where it says."""

import numpy as np
import pytest

from models.cell_view import cell_view
from models.drawn_cells import draw_cell
from models.measurements import foreground_mask
from models.preprocessing import PAPER, Preprocessing, cell_weights

CELL = draw_cell(5)


def test_the_papers_recipe_is_centre_crop_scale_and_mean() -> None:
    crop = CELL[100:350, 100:350].astype(np.float64) / 255
    expected = crop - crop.mean(axis=(0, 1))
    prepared = PAPER.prepare(CELL)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, expected, atol=1e-7)


def test_a_cell_centred_crop_follows_the_cell() -> None:
    recipe = Preprocessing(crop_px=250, output_px=250, centre="cell", mean=(0.0, 0.0, 0.0))
    moved = np.roll(CELL, (60, -70), axis=(0, 1))
    np.testing.assert_array_equal(recipe.crop(moved), recipe.crop(CELL))


@pytest.mark.parametrize("shift", [(180, 0), (0, 180), (-180, -180)])
def test_a_crop_never_leaves_the_picture(shift: tuple[int, int]) -> None:
    recipe = Preprocessing(crop_px=304, output_px=304, centre="cell", mean="crop")
    top, left, side = recipe.window(np.roll(CELL, shift, axis=(0, 1)))
    assert 0 <= top <= 450 - side
    assert 0 <= left <= 450 - side


def test_the_downscale_averages_areas() -> None:
    recipe = Preprocessing(crop_px=320, output_px=160, centre="image", mean=(0.0, 0.0, 0.0))
    cut = CELL[65:385, 65:385].astype(np.float64).reshape(160, 2, 160, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(recipe.crop(CELL), cut, atol=0.51)


def test_fixed_means_are_subtracted_as_they_are() -> None:
    recipe = Preprocessing(crop_px=250, output_px=250, centre="image", mean=(0.1, 0.2, 0.3))
    black = np.zeros((450, 450, 3), np.uint8)
    np.testing.assert_allclose(recipe.prepare(black)[0, 0], [-0.1, -0.2, -0.3], atol=1e-7)


def test_cell_weights_lie_inside_the_cell() -> None:
    crop = PAPER.crop(CELL)
    weights = cell_weights(crop, 25)
    inside = foreground_mask(crop).reshape(25, 10, 25, 10).all(axis=(1, 3))
    assert set(np.unique(weights)) == {0.0, 1.0}
    assert weights.sum() > 20
    assert inside[weights > 0].all()


def test_a_cell_smaller_than_a_map_position_still_has_weight() -> None:
    crop = np.zeros((250, 250, 3), np.uint8)
    crop[120:124, 120:124] = 200
    assert cell_weights(crop, 15).sum() > 0


def test_the_view_of_a_cell_holds_it_with_its_reach_and_leaves_much_of_the_crop_out() -> None:
    recipe = Preprocessing(crop_px=304, output_px=304, centre="cell", mean="crop")
    inside = cell_weights(recipe.crop(draw_cell(21, radius_px=82)), 76)
    rows, columns = cell_view(inside, reach=6)
    assert inside[rows, columns].sum() == inside.sum()
    assert inside[rows.start + 6 : rows.stop - 6].sum() == inside.sum()
    assert inside[rows, columns].size < 0.7 * inside.size
