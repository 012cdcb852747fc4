import numpy as np
import pytest

from models.bundle import Bundle
from models.classifier import Classifier
from models.drawn_cells import draw_cell
from models.engines import open_engine
from models.head import HeadOutput
from models.preprocessing import Preprocessing
from models.views import mean_output, turn, turn_back
from tests.bundles import make_manifest, make_weights


def test_every_turn_can_be_undone() -> None:
    plane = np.arange(9, dtype=np.float32).reshape(3, 3)
    for which in range(8):
        np.testing.assert_array_equal(turn_back(turn(plane, which), which), plane)


def test_heatmaps_are_turned_back_before_they_are_averaged() -> None:
    plane = np.arange(9, dtype=np.float32).reshape(3, 3)
    outputs = [
        HeadOutput(np.full(2, which, np.float32), np.zeros(4, np.float32), turn(plane, which))
        for which in range(8)
    ]
    mean = mean_output(outputs)
    np.testing.assert_array_equal(mean.heatmap, plane)
    np.testing.assert_array_equal(mean.logits, [3.5, 3.5])


@pytest.mark.parametrize(("views", "same"), [(1, False), (4, True), (8, True)])
def test_a_bundle_with_views_says_the_same_of_a_cell_however_it_lies(views: int, same: bool) -> None:
    around_the_middle = Preprocessing(crop_px=64, output_px=64, centre="image", mean="crop")
    manifest = make_manifest().model_copy(update={"views": views, "preprocessing": around_the_middle})
    bundle = Bundle(manifest, "0" * 64, make_weights(), (), "")
    classifier = Classifier(bundle, open_engine(bundle, "ncnn"))
    cell = draw_cell(2)
    first, turned = (classifier.classify([pixels])[0].logits for pixels in (cell, np.rot90(cell).copy()))
    assert np.allclose(first, turned, atol=1e-5) == same
