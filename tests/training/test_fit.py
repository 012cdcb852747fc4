import numpy as np

from models.base_weights import set_base_weights
from models.drawn_cells import draw_cell
from models.head import Head, HeadSpec
from models.networks import Architecture, build_base
from models.preprocessing import subtract_mean
from training.fitting.fit import (
    TRAINING_FLOOR,
    CellMeanDeviation,
    PatchMaps,
    channel_scale,
    pooled_patches,
    unit_channels,
)
from training.fitting.frozen import frozen_maps
from training.fitting.initial_weights import random_vgg_weights, rounded
from training.pictures.patches import pooling_weights, sample_patch
from training.profiles import profile

ARCHITECTURE = Architecture(name="vgg16", blocks=3)
WEIGHTS = random_vgg_weights(ARCHITECTURE, seed=1)


def test_the_trained_pooling_is_the_served_pooling() -> None:
    rng = np.random.default_rng(0)
    maps = rng.gamma(1.0, size=(1, 6, 6, 4)).astype(np.float32)
    inside = (rng.random((1, 6, 6, 1)) > 0.4).astype(np.float32)
    spec = HeadSpec(pooling="cell_mean_deviation", dense_layers=1, embedding_length=8)
    head = Head(spec, {"head__dense1__kernel": np.zeros((8, 2)), "head__dense1__bias": np.zeros(2)})
    served = head(np.moveaxis(maps[0], -1, 0), inside[0, ..., 0], {}).embedding
    np.testing.assert_allclose(np.asarray(CellMeanDeviation(0.0)([maps, inside]))[0], served, atol=1e-3)


def test_frozen_maps_and_the_last_block_are_the_whole_base(tmp_path) -> None:
    smoke = profile("smoke")
    rng = np.random.default_rng(0)
    patch = sample_patch(draw_cell(4), rng)
    mean = np.array([[[0.3, 0.2, 0.4]]], np.float32)
    maps = frozen_maps(patch[None, None], mean, WEIGHTS, smoke, tmp_path / "maps.npy")
    data = PatchMaps(maps, pooling_weights(patch)[None, None], np.array([True]))
    first = np.array([0])
    pooled = np.asarray(pooled_patches(WEIGHTS, smoke, maps.shape[-1])(data.take(first, first)))
    base = build_base(ARCHITECTURE)
    set_base_weights(base, WEIGHTS)
    whole = np.asarray(base(subtract_mean(patch, mean[0, 0])[None]))[:, 4:-4, 4:-4]
    expected = np.asarray(CellMeanDeviation(TRAINING_FLOOR)([whole, data.weights[0, 0][None, ..., None]]))
    np.testing.assert_allclose(pooled, expected, rtol=5e-3, atol=1e-3)


def test_scaling_channels_scales_their_means_to_one_and_their_deviations_alike() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.gamma(2.0, size=(40, 512)).astype(np.float32) * 30
    scaled = unit_channels(WEIGHTS, "block3_conv3", channel_scale(vectors))
    mean = vectors.mean(axis=0)[:256]
    np.testing.assert_allclose(
        scaled["block3_conv3__kernel"] * mean, WEIGHTS["block3_conv3__kernel"], rtol=1e-5
    )
    assert scaled.keys() == WEIGHTS.keys()


def test_weights_are_used_as_float16_keeps_them() -> None:
    assert rounded({"a": np.array([1 / 3], np.float32)})["a"][0] == np.float32(np.float16(1 / 3))
