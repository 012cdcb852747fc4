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


def heatmap(bundle: Bundle, seed: int = 2) -> Floats:
    found = Classifier(bundle, open_engine(bundle, "ncnn")).classify([draw_cell(seed)])[0].heatmap
    assert found is not None
    return found


def randomised(bundle: Bundle) -> Bundle:
    """The same architecture and limits, every convolution's kernel shuffled; its golden cells no longer hold."""
    random = np.random.default_rng(0)
    shuffled = {
        name: random.permutation(array.ravel()).reshape(array.shape) if name.startswith("block") else array
        for name, array in bundle.weights.items()
    }
    return replace(bundle, weights=shuffled, golden=())


def test_the_map_lies_on_the_cell() -> None:
    inside = foreground_mask(SHIPPED.manifest.preprocessing.crop(draw_cell(2)))
    assert share_inside(heatmap(SHIPPED), inside) > 0.99


def test_random_weights_give_another_map() -> None:
    trained = heatmap(SHIPPED)
    assert likeness(trained, trained) == pytest.approx(1.0)
    assert abs(likeness(trained, heatmap(randomised(SHIPPED)))) < 0.5


def test_half_a_map_outside_is_half_inside() -> None:
    inside = np.zeros((8, 8), bool)
    inside[:, :4] = True
    assert share_inside(np.ones((8, 8), np.float32), inside) == pytest.approx(0.5)
    assert share_inside(np.zeros((8, 8), np.float32), inside) == 0.0


def test_a_flat_map_is_like_nothing() -> None:
    flat, ramp = np.ones((4, 4), np.float32), np.arange(16, dtype=np.float32).reshape(4, 4)
    assert likeness(flat, ramp) == 0.0
