"""The graphics cards of this host, and what they allow: one network over all of them, half precision."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras


def graphics_cards() -> list[str]:
    """Names of the cards that TensorFlow can compute on."""
    import tensorflow as tf

    return [device.name for device in tf.config.list_logical_devices("GPU")]


@contextmanager
def spread_over(devices: Sequence[str]) -> Iterator[None]:
    """What is built inside computes on all of these; batches are split among them.

    With several, each keeps the whole network and gradients are summed (`MirroredStrategy`). Across hosts, Ray
    tasks train one part each instead.
    """
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy(devices) if len(devices) > 1 else tf.distribute.get_strategy()
    with strategy.scope():
        yield


@contextmanager
def precision(policy: str) -> Iterator[None]:
    """Layers built inside compute in `mixed_float16`, `mixed_bfloat16` or `float32`; weights stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def fastest_precision() -> str:
    """`mixed_float16` on graphics cards, `float32` without one."""
    return "mixed_float16" if graphics_cards() else "float32"
