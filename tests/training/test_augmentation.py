import numpy as np
import pytest

from models.drawn_cells import draw_cell
from models.measurements import foreground_mask
from training.pictures.augmentation import COPY_NOISE, altered, rotation, salted, varied, warped
from training.profiles import Variation, profile

CELL = draw_cell(3)


@pytest.mark.parametrize("name", ["paper", "code", "honest_image"])
def test_a_seed_names_a_picture(name: str) -> None:
    how = profile(name).examples
    first, again, other = (altered(CELL, np.random.default_rng(seed), how) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.shape, first.dtype) == (CELL.shape, CELL.dtype)


def test_a_copy_is_salted_one_time_in_four() -> None:
    how = profile("paper").examples
    whitest = [altered(CELL, np.random.default_rng(seed), how).max() for seed in range(24)]
    assert 3 <= sum(value == 255 for value in whitest) <= 10


def test_salt_and_pepper_fall_on_the_background_too() -> None:
    noisy = salted(CELL, np.random.default_rng(0))
    background = ~foreground_mask(CELL)
    assert (noisy[background] == 255).all(axis=-1).mean() == pytest.approx(COPY_NOISE / 2, rel=0.2)


def test_our_variation_leaves_the_background_black_and_the_size_as_it_is() -> None:
    area = foreground_mask(CELL).sum()
    for seed in range(6):
        mask = foreground_mask(varied(CELL, np.random.default_rng(seed), Variation()))
        assert mask.sum() == pytest.approx(area, rel=0.02)
        assert not mask[0].any()


def test_a_turn_by_ninety_degrees_is_a_quarter_turn_of_the_array() -> None:
    turned = warped(CELL, rotation(90)).astype(int)
    assert np.abs(turned - np.rot90(CELL, -1)).max() <= 2
