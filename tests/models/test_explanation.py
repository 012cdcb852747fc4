from dataclasses import replace

import numpy as np
import pytest

from models.bundle import Bundle, read_bundle
from models.classifier import Classifier
from models.drawn_cells import draw_cell
from models.engines import open_engine
from models.explanation import likeness, share_inside
from models.measurements import foreground_mask
from models.preprocessing import Floats
from tests.shipped import SHIPPED_FOLDER

SHIPPED = read_bundle(SHIPPED_FOLDER)


CELLS = [draw_cell(seed) for seed in range(6)]


def heatmaps(bundle: Bundle) -> list[Floats]:
    found = Classifier(bundle, open_engine(bundle, "ncnn")).classify_many(CELLS)
    return [output.heatmap for output in found if output.heatmap is not None]


def randomised(bundle: Bundle, seed: int) -> Bundle:
    """The same architecture and limits, every convolution's kernel shuffled; its golden cells no longer hold."""
    random = np.random.default_rng(seed)
    shuffled = {
        name: random.permutation(array.ravel()).reshape(array.shape) if name.startswith("block") else array
        for name, array in sorted(bundle.weights.items())  # a file gives them in any order
    }
    return replace(bundle, weights=shuffled, golden=())


def test_the_map_lies_on_the_cell() -> None:
    for cell, found in zip(CELLS, heatmaps(SHIPPED), strict=True):
        inside = foreground_mask(SHIPPED.manifest.preprocessing.crop(cell))
        assert share_inside(found, inside) > 0.99


def test_random_weights_give_other_maps() -> None:
    trained = heatmaps(SHIPPED)
    assert np.mean([likeness(each, each) for each in trained]) == pytest.approx(1.0)
    likenesses = [
        abs(likeness(*pair))
        for seed in range(4)
        for pair in zip(trained, heatmaps(randomised(SHIPPED, seed)), strict=True)
    ]
    assert np.mean(likenesses) < 0.5


def test_half_a_map_outside_is_half_inside() -> None:
    inside = np.zeros((8, 8), bool)
    inside[:, :4] = True
    assert share_inside(np.ones((8, 8), np.float32), inside) == pytest.approx(0.5)
    assert share_inside(np.zeros((8, 8), np.float32), inside) == 0.0


def test_a_flat_map_is_like_nothing() -> None:
    flat, ramp = np.ones((4, 4), np.float32), np.arange(16, dtype=np.float32).reshape(4, 4)
    assert likeness(flat, ramp) == 0.0
