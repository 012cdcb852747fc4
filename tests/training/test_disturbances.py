"""Disturbed pictures keep the form of a C-NMC picture."""

import numpy as np
import pytest

from models.drawn_cells import draw_cell
from models.measurements import foreground_mask, measure_cell
from training.pictures.disturbances import GRID, Change, blurred, rotated, silhouette, stained

CELL = draw_cell(4)
ALL = [(change, strength) for change, degrees in GRID.items() for strength in degrees]


def changed(how: Change, seed: int = 1) -> np.ndarray:
    return how(CELL, np.random.default_rng(seed))


@pytest.mark.parametrize(("change", "strength"), ALL)
def test_every_change_changes_the_cell_and_keeps_its_size(change: str, strength: str) -> None:
    found = changed(GRID[change][strength])
    assert (found.shape, found.dtype) == (CELL.shape, CELL.dtype)
    assert (found != CELL).any()
    assert foreground_mask(found).sum() == pytest.approx(foreground_mask(CELL).sum(), rel=0.05)


@pytest.mark.parametrize("change", ["blur, sigma", "noise, deviation", "stain density", "hue"])
def test_what_the_segmentation_decided_stays_decided(change: str) -> None:
    for how in GRID[change].values():
        found = changed(how)
        assert (foreground_mask(found) == foreground_mask(CELL)).all()
        assert (found[~foreground_mask(CELL)] == 0).all()


def test_the_same_seed_gives_the_same_noise() -> None:
    how = GRID["noise, deviation"]["5 of 255"]
    assert (changed(how, 2) == changed(how, 2)).all()
    assert (changed(how, 2) != changed(how, 3)).any()


def test_more_blur_leaves_less_sharpness_and_more_stain_less_light() -> None:
    random = np.random.default_rng(0)
    sharpness = [measure_cell(blurred(CELL, random, sigma_px=px))["sharpness"] for px in (0.7, 1.5, 3.0)]
    assert sharpness == sorted(sharpness, reverse=True)
    light = [int(stained(CELL, random, strength=factor).sum()) for factor in (0.8, 1.0, 1.25)]
    assert light == sorted(light, reverse=True)


def test_a_quarter_turn_is_numpys() -> None:
    found = rotated(CELL, np.random.default_rng(0), degrees=90)
    assert np.abs(found.astype(int) - np.rot90(CELL)).max() <= 1


def test_a_silhouette_tells_nothing_but_the_outline() -> None:
    found = silhouette(CELL, np.random.default_rng(0), colour=(90, 50, 110))
    inside = foreground_mask(CELL)
    assert (foreground_mask(found) == inside).all()
    assert np.unique(found[inside], axis=0).tolist() == [[90, 50, 110]]
