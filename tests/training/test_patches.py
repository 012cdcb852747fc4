from pathlib import Path

import numpy as np

from models.drawn_cells import draw_cell
from models.networks import Architecture
from models.views import turn
from training.fitting.initial_weights import IMAGENET_MEAN, random_vgg_weights, read_vgg_weights
from training.pictures.patches import PATCH_PX, POOLED_POSITIONS, jitter_stain, pooling_weights, sample_patch

CELL = draw_cell(11)


def test_a_patch_lies_mostly_inside_the_cell() -> None:
    rng = np.random.default_rng(0)
    patches = [sample_patch(CELL, rng) for _ in range(8)]
    assert {patch.shape for patch in patches} == {(PATCH_PX, PATCH_PX, 3)}
    assert min((patch.max(axis=2) > 10).mean() for patch in patches) > 0.6


def test_pooled_positions_are_weighted_only_inside_the_cell() -> None:
    patch = np.zeros((PATCH_PX, PATCH_PX, 3), np.uint8)
    patch[:, PATCH_PX // 2 :] = 120
    weights = pooling_weights(patch)
    assert weights.shape == (POOLED_POSITIONS, POOLED_POSITIONS)
    assert (weights[:, : POOLED_POSITIONS // 2] == 0).all()
    assert (weights[:, POOLED_POSITIONS // 2 + 1 :] == 1).all()


def test_the_eight_turns_differ_and_keep_every_pixel() -> None:
    turned = [turn(CELL, which) for which in range(8)]
    assert len({image.tobytes() for image in turned}) == 8
    assert {int(image.sum()) for image in turned} == {int(CELL.sum())}


def test_a_change_of_stain_leaves_black_black() -> None:
    changed = jitter_stain(CELL, np.random.default_rng(1))
    assert (changed[CELL.max(axis=2) == 0] == 0).all()
    assert (changed != CELL).any()


def test_imagenet_weights_answer_rgb_of_0_to_1_as_they_answered_bgr_of_0_to_255(tmp_path: Path) -> None:
    architecture = Architecture(name="vgg16", blocks=1)
    stored = random_vgg_weights(architecture, seed=3)
    np.savez(tmp_path / "vgg.npz", **stored)
    converted = read_vgg_weights(tmp_path / "vgg.npz", architecture)["block1_conv1__kernel"]
    rgb = CELL[200:203, 200:203].astype(np.float64)
    bgr_minus_mean = rgb[..., ::-1] - np.array([103.939, 116.779, 123.68])
    expected = np.tensordot(bgr_minus_mean, stored["block1_conv1__kernel"], axes=3)
    got = np.tensordot(rgb / 255 - np.array(IMAGENET_MEAN), converted, axes=3)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)
