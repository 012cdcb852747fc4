"""What a run may start from."""

from pathlib import Path

import numpy as np
import pytest

from models.networks import Architecture
from tests.bundles import ARCHITECTURE, make_bundle
from training.fitting.initial_weights import initial_weights


def test_a_run_goes_on_from_the_convolutions_of_a_bundle(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path)
    found = initial_weights(str(tmp_path / bundle.id), ARCHITECTURE, seed=0)
    assert list(found)[:2] == ["block1_conv1__kernel", "block1_conv1__bias"]
    for name, array in found.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, bundle.weights[name])


def test_a_bundle_of_another_architecture_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / make_bundle(tmp_path).id
    with pytest.raises(ValueError, match="blocks=3"):
        initial_weights(str(folder), Architecture(name="vgg16", blocks=3), seed=0)
