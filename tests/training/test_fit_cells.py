from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from models.cell_view import look_at_cell
from models.drawn_cells import draw_cell
from models.engines.ncnn import NcnnEngine
from models.head import Head
from models.measurements import MEASUREMENTS, measure_cell
from models.networks import Architecture
from models.preprocessing import Preprocessing
from training.fitting.fit_cells import WholeCells, embeddings, fit_cells
from training.fitting.head_fit import fit_head, head_margin
from training.fitting.initial_weights import Weights, random_vgg_weights, rounded
from training.profiles import CellProfile, HeadRecipe
from training.profiles.smoke_cells import PROFILE as SMOKE
from training.publishing.candidate import served_head

pytestmark = pytest.mark.slow

PROFILE = SMOKE.model_copy(
    update={
        "preprocessing": Preprocessing(crop_px=256, output_px=64, centre="cell", mean="crop"),
        "steps": 2,
        "start_cells": 8,
        "frozen_blocks": 1,
        "trees": 0,
    }
)
assert isinstance(PROFILE, CellProfile)
PICTURES = [draw_cell(seed) for seed in range(8)]
MEASURED = [measure_cell(pixels) for pixels in PICTURES]
CELLS = WholeCells(
    np.stack([PROFILE.preprocessing.crop(pixels) for pixels in PICTURES]),
    np.array([[values[name] for name in MEASUREMENTS] for values in MEASURED], np.float32),
    np.arange(8) % 2 == 0,
)
TWO_LEVELS = PROFILE.model_copy(update={"architecture": Architecture(name="vgg16", blocks=2, levels=2)})
START = random_vgg_weights(PROFILE.architecture, seed=1)


def train(folder: Path, profile: CellProfile = PROFILE) -> Weights:
    weights = np.full(8, 1 / 8)
    return fit_cells(CELLS, weights, START, profile, watched=np.arange(8), folder=folder, training="test")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return train(tmp_path_factory.mktemp("part"))


def test_only_blocks_that_are_not_frozen_are_trained(trained: Weights) -> None:
    assert (trained["block1_conv2__kernel"] == START["block1_conv2__kernel"]).all()
    assert (trained["block2_conv1__kernel"] != START["block2_conv1__kernel"]).any()


def test_every_channel_that_is_read_has_a_mean_of_one_and_a_level_more_changes_no_training(
    tmp_path: Path, trained: Weights
) -> None:
    both = train(tmp_path, TWO_LEVELS)
    means = embeddings(CELLS.crops, np.arange(8), both, TWO_LEVELS).mean(axis=0)[: 64 + 128]
    assert np.median(np.abs(means - 1)) < 0.05
    # Dividing the lower level's channels is undone in the layer above, so the last map is the same.
    lone, together = (
        embeddings(CELLS.crops, np.arange(8), each, profile)
        for each, profile in ((trained, PROFILE), (both, TWO_LEVELS))
    )
    np.testing.assert_allclose(together[:, 64 : 64 + 128], lone[:, :128], rtol=0.02, atol=0.02)


def test_a_training_in_bfloat16_moves_float32_weights_the_same_way(tmp_path: Path, trained: Weights) -> None:
    halves = train(tmp_path, PROFILE.model_copy(update={"convolution_dtype": "mixed_bfloat16"}))
    moved, other = (
        each["block2_conv1__kernel"] - START["block2_conv1__kernel"] for each in (trained, halves)
    )
    assert other.dtype == np.float32
    assert (moved != other).any()
    assert np.vdot(moved, other) / (np.linalg.norm(moved) * np.linalg.norm(other)) > 0.8


def test_the_margin_of_trained_cells_is_what_the_served_network_gives(
    trained: Weights,
) -> None:
    vectors = embeddings(CELLS.crops, np.arange(8), trained, PROFILE)
    head = fit_head(vectors, CELLS.measurements, CELLS.malignant, list("aabbccdd"), HeadRecipe(1.0))
    margin = head_margin(vectors, CELLS.measurements, rounded(head))
    kept = rounded(trained | head)
    served = Head(served_head(PROFILE, len(kept["head__dense1__kernel"]))["head"], dict(kept))
    engine = NcnnEngine(PROFILE.architecture, kept)
    for crop, measured, expected in zip(CELLS.crops, MEASURED, margin, strict=True):
        logits = look_at_cell(
            crop,
            measured,
            engine=engine,
            head=served,
            architecture=PROFILE.architecture,
            recipe=PROFILE.preprocessing,
        ).logits
        assert logits[0] - logits[1] == pytest.approx(expected, abs=2e-3)


def test_a_training_that_broke_off_ends_with_the_weights_of_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = PROFILE.model_copy(update={"steps": 3, "watch_steps": 1})
    looks = Mock(side_effect=[0.5, 0.5, KeyboardInterrupt])
    with monkeypatch.context() as patched:
        patched.setattr("training.fitting.fit_cells._watched_auroc", looks)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, profile)
    (unbroken := tmp_path / "unbroken").mkdir()
    resumed, whole = train(tmp_path, profile), train(unbroken, profile)
    assert (whole["block2_conv1__kernel"] != START["block2_conv1__kernel"]).any()
    for name, array in whole.items():
        np.testing.assert_array_equal(resumed[name], array, err_msg=name)
