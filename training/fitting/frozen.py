"""The frozen blocks of a base, computed once for every patch."""

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from numpy.lib.format import open_memmap

from models.base_weights import set_base_weights
from models.networks import build_base
from models.preprocessing import subtract_mean
from training.fitting.devices import precision
from training.fitting.initial_weights import Weights
from training.pictures.patches import INNER_POSITIONS
from training.profiles import PatchProfile

Halves = npt.NDArray[np.float16]
_CELLS_AT_ONCE = 16


def frozen_maps(
    patches: npt.NDArray[np.uint8],
    means: npt.NDArray[np.float32],
    weights: Weights,
    profile: PatchProfile,
    out: Path,
) -> Halves:
    """Blocks below the last one, pooled, for every patch; written to `out` and memory-mapped.

    Args:
        patches: (n, p, PATCH_PX, PATCH_PX, 3) uint8. means: (n, p, 3) float32, subtracted from them.

    Returns:
        (n, p, INNER_POSITIONS, INNER_POSITIONS, channels) float16.
    """
    lower = frozen_blocks(weights, profile)
    signature = tf.TensorSpec((None, *patches.shape[2:]), tf.float32)
    run = tf.function(
        lambda images: tf.cast(lower(images, training=False), tf.float16), input_signature=[signature]
    )
    count, per_cell = patches.shape[:2]
    maps = open_memmap(
        out, "w+", np.float16, (count, per_cell, INNER_POSITIONS, INNER_POSITIONS, lower.output.shape[-1])
    )
    for start in range(0, count, _CELLS_AT_ONCE):
        block = patches[start : start + _CELLS_AT_ONCE].reshape(-1, *patches.shape[2:])
        subtract = means[start : start + _CELLS_AT_ONCE].reshape(-1, 3)
        images = np.stack([subtract_mean(*pair) for pair in zip(block, subtract, strict=True)])
        inner = run(tf.constant(images)).numpy()[:, 1:-1, 1:-1]
        maps[start : start + _CELLS_AT_ONCE] = inner.reshape(-1, per_cell, *inner.shape[1:])
    maps.flush()
    return np.load(out, mmap_mode="r")


def frozen_blocks(weights: Weights, profile: PatchProfile) -> "keras.Model":
    """The base below its last block, that block's pool included: (n, s, s, 3) -> (n, s / 4, s / 4, c)."""
    with precision(profile.convolution_dtype):
        base = build_base(profile.architecture)
    set_base_weights(base, weights)
    return keras.Model(base.input, base.get_layer(f"block{profile.architecture.blocks}_before_pool").output)
