"""A base that is no VGG: the same names whenever it is built, and served from a bundle through TensorFlow."""

from pathlib import Path

import keras
import numpy as np
import pytest

from models.base_weights import base_variables
from models.bundle import Bundle, write_bundle
from models.classifier import Classifier
from models.drawn_cells import draw_cell
from models.engines import open_engine
from models.networks import Architecture, build_base, build_classifier
from models.preprocessing import Preprocessing
from tests.bundles import make_manifest
from training.fitting.initial_weights import rounded
from training.fitting.whole_network import arrays, look_at_crops, named_variables
from training.profiles import changed, profile
from training.publishing.candidate import golden_cells, served_head

pytestmark = pytest.mark.long


@pytest.mark.parametrize("name", ["xception", "resnet50v2"])
def test_a_base_that_is_no_vgg_is_served_as_it_was_trained(name: str, tmp_path: Path) -> None:
    small = Preprocessing(crop_px=320, output_px=80, centre="cell", mean="crop")
    chosen = changed(profile("honest_image"), name).model_copy(update={"preprocessing": small, "views": 1})
    keras.utils.set_random_seed(1)
    variables = named_variables(build_classifier(chosen.architecture, 80))
    weights = rounded(arrays(variables["base"]) | arrays(variables["head"]))
    head = served_head(chosen, weights["head__dense1__kernel"].shape[0])
    update = {"architecture": chosen.architecture, "preprocessing": small, **head}
    bare = Bundle(make_manifest().model_copy(update=update), "0" * 64, weights, (), "")
    golden = golden_cells(Classifier(bare, open_engine(bare)))
    folder = tmp_path / "drawn-vgg16" / "0.1.0"
    write_bundle(folder, bare.manifest, weights, golden, {"CARD.md": b"# drawn"})

    classifier = Classifier.open(folder)
    assert classifier.engine.name == "tensorflow"
    cell = draw_cell(5)
    _, margin = look_at_crops(small.crop(cell)[None], np.array([0]), weights, chosen)
    (output,) = classifier.classify([cell])
    assert float(output.logits[0] - output.logits[1]) == pytest.approx(margin[0], abs=1e-4)


def test_a_base_has_the_same_names_whenever_it_is_built() -> None:
    first, second = (base_variables(build_base(Architecture(name="xception"))) for _ in range(2))
    assert list(first) == list(second)
    assert len(first) == len(build_base(Architecture(name="xception")).weights)
