import cv2
import keras
import numpy as np
import pytest

from models.drawn_cells import draw_cell
from models.measurements import ImageArray, foreground_mask
from models.preprocessing import Floats, Preprocessing
from training.fitting.cell_variation import AlteredCells, Changes, draw_changes
from training.profiles import Variation

pytestmark = pytest.mark.slow

RECIPE = Preprocessing(crop_px=256, output_px=64, centre="cell", mean="crop")
CROPS = np.stack([RECIPE.crop(draw_cell(seed)) for seed in range(8)])
INSIDE = np.random.default_rng(0).random((8, 16, 16, 1), np.float32)


def changes(how: Variation, seed: int = 1) -> Changes:
    return draw_changes(len(CROPS), np.random.default_rng(seed), how)


def altered(how: Variation, recipe: Preprocessing = RECIPE) -> tuple[ImageArray, Floats, Floats]:
    layer = AlteredCells(recipe, seed=3)
    pixels, mean, inside = layer([CROPS, INSIDE, *changes(how).arrays()])
    return tuple(keras.ops.convert_to_numpy(each) for each in (pixels, mean, inside))


def test_a_cell_is_turned_stained_and_blurred_as_opencv_would_do_it() -> None:
    how = Variation(noise=0.0, blur=0.5, blur_px=1.0, stain=2.5)
    drawn = changes(how)
    pixels, mean, inside = altered(how)
    for place, crop in enumerate(CROPS):
        expected, weights = crop, INSIDE[place]
        for wanted, axes in zip(drawn.turned[place], ((0,), (1,), None), strict=True):
            if wanted:
                expected, weights = (
                    np.flip(each, axes) if axes else each.transpose(1, 0, 2) for each in (expected, weights)
                )
        cell = foreground_mask(np.ascontiguousarray(expected))
        stained = np.clip(expected * drawn.gain[place], 0, 255).round().astype(np.float32)
        line = drawn.blur[place]
        blurred = cv2.sepFilter2D(stained, -1, line, line, borderType=cv2.BORDER_REFLECT_101)
        grey = np.where(cell[..., None], np.clip(blurred, 0, 255).round(), 0)
        assert np.abs(pixels[place] - grey).max() <= 1
        np.testing.assert_array_equal(inside[place], weights)
        np.testing.assert_allclose(mean[place], pixels[place].mean((0, 1)) / 255, atol=1e-6)


def test_some_cells_of_a_batch_are_blurred_and_some_are_not() -> None:
    sharp = changes(Variation(blur=0.5)).blur.max(axis=1) == 1.0
    assert 0 < sharp.sum() < len(CROPS)
    np.testing.assert_allclose(changes(Variation()).blur.sum(axis=1), 1.0, atol=1e-6)


def test_noise_falls_on_the_cell_and_leaves_the_background_black() -> None:
    without, with_noise = (altered(Variation(noise=noise, blur=0.0))[0].astype(int) for noise in (0.0, 8.0))
    cell = without.max(axis=-1) > 0
    assert (with_noise[~cell] == 0).all()
    assert 1.0 < np.abs(with_noise - without)[cell].mean() < 8.0


def test_a_seed_names_the_changes() -> None:
    first, again, other = (changes(Variation(), seed) for seed in (1, 1, 2))
    for a, b, c in zip(first.arrays(), again.arrays(), other.arrays(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_a_fixed_mean_stays_what_it_is() -> None:
    mean = altered(Variation(), RECIPE.model_copy(update={"mean": (0.5, 0.4, 0.6)}))[1]
    np.testing.assert_allclose(mean, np.tile([0.5, 0.4, 0.6], (8, 1)), atol=1e-6)
