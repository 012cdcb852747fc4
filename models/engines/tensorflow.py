"""Any architecture with TensorFlow: the reference, and the engine for GPUs."""

import numpy as np
import tensorflow as tf

from models.base_weights import set_base_weights
from models.bundle import Bundle
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
