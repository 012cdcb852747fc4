"""Any architecture with TensorFlow: the reference, and the engine for GPUs."""

import re
from collections import Counter

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
        parts = [
            self._once(images[start : start + self.batch]) for start in range(0, len(images), self.batch)
        ]
        return np.ascontiguousarray(np.moveaxis(np.concatenate(parts), -1, 1))

    def _once(self, images: Floats) -> Floats:
        size = next(size for size in self._batches if size >= len(images))
        filled = np.concatenate([images, np.zeros((size - len(images), *images.shape[1:]), np.float32)])
        return np.asarray(self._run(tf.constant(filled)))[: len(images)]


def set_base_weights(base: keras.Model, weights: Weights) -> None:
    """Put a bundle's arrays into a base built by `build_base`.

    Raises:
        ValueError: an array is missing or has another shape.
    """
    for name, variable in base_variables(base).items():
        if name not in weights or tuple(weights[name].shape) != tuple(variable.shape):
            found = weights[name].shape if name in weights else "nothing"
            raise ValueError(f"Expected {name} of shape {tuple(variable.shape)}, got {found}.")
        variable.assign(weights[name].astype("float32"))


def base_variables(base: keras.Model) -> dict[str, keras.Variable]:
    """A base's variables by the names a bundle gives them, `<layer>__<variable>`.

    Keras numbers the layers that its applications leave unnamed through the whole process (`conv2d_7`); here
    they are counted within their base, so that the same base has the same names whenever it is built.
    """
    counted: Counter[str] = Counter()
    named = {}
    for layer in base.layers:
        name, plain = layer.name, re.sub(r"_\d+$", "", layer.name)
        if plain.replace("_", "") == type(layer).__name__.lower():
            name = f"{plain}_{counted[plain]}"
            counted[plain] += 1
        for variable in layer.weights:
            named["__".join([name, *variable.path.split("/")[1:]])] = variable
    return named
