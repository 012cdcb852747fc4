"""Any architecture with TensorFlow: the reference, and the engine for GPUs."""

import keras
import numpy as np
import tensorflow as tf

from models.bundle import Bundle, Weights
from models.engines import Floats
from models.networks import build_base

BATCHES = (1, 4, 16)
"""Batch sizes on a GPU; a smaller batch is filled up, so that no other shape is ever compiled."""


class TensorflowEngine:
    """The base as one compiled function. Float32 throughout: TensorFloat-32 would miss the golden outputs."""

    name = "tensorflow"
    streams = 1

    def __init__(self, bundle: Bundle) -> None:
        side = bundle.manifest.preprocessing.output_px
        on_gpu = bool(tf.config.list_physical_devices("GPU"))
        tf.config.experimental.enable_tensor_float_32_execution(False)
        self._batches = BATCHES if on_gpu else (1,)
        self.batch = self._batches[-1]
        base = build_base(bundle.manifest.architecture)
        set_base_weights(base, bundle.weights)
        signature = tf.TensorSpec((None, None, None, 3), tf.float32)
        self._run = tf.function(
            lambda images: base(images, training=False), input_signature=[signature], jit_compile=on_gpu
        )
        for size in self._batches:  # the first call of each shape compiles
            self._run(tf.zeros((size, side, side, 3)))

    def maps(self, images: Floats) -> Floats:
        """See `Engine.maps`."""
        size = next((size for size in self._batches if size >= len(images)), len(images))
        filled = np.concatenate([images, np.zeros((size - len(images), *images.shape[1:]), np.float32)])
        output = self._run(tf.constant(filled)).numpy()[: len(images)]
        return np.ascontiguousarray(np.moveaxis(output, -1, 1))


def set_base_weights(base: keras.Model, weights: Weights) -> None:
    """Put a bundle's arrays into a base built by `build_base`; names are `<layer>__<variable>`.

    Raises:
        ValueError: an array is missing or has another shape.
    """
    for layer in base.layers:
        for variable in layer.weights:
            name = f"{layer.name}__{variable.name}"
            if name not in weights or tuple(weights[name].shape) != tuple(variable.shape):
                found = weights[name].shape if name in weights else "nothing"
                raise ValueError(f"Expected {name} of shape {tuple(variable.shape)}, got {found}.")
            variable.assign(weights[name].astype("float32"))
