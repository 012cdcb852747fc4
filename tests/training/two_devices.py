"""`python -m tests.training.two_devices FOLDER`: the same small training on one device and on two."""

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from training.fitting.devices import precision, spread_over
from training.fitting.steps import Schedule, train


def trained(devices: list[str], folder: Path) -> tuple[int, list[np.ndarray]]:
    """How many devices held the network, and the weights after three steps."""
    folder.mkdir()
    with spread_over(devices), precision("float32"):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)])
        model.compile(keras.optimizers.Adam(0.1, use_ema=True), "mse")
    batches = np.random.default_rng(0).normal(size=(3, 6, 3)).astype(np.float32)
    train(
        model,
        lambda step: (batches[step], batches[step][:, :2]),
        Schedule(3, 2),
        watch=lambda: {"rows": float(len(model.predict(batches[0], verbose=0)))},
        folder=folder,
        training="of a test",
        start=lambda: None,
    )
    return replicas, model.get_weights()


if __name__ == "__main__":
    processor = tf.config.list_physical_devices("CPU")[0]
    two = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
    tf.config.set_logical_device_configuration(processor, two)
    one_replica, expected = trained([], Path(sys.argv[1]) / "one")
    two_replicas, found = trained(["CPU:0", "CPU:1"], Path(sys.argv[1]) / "two")
    assert (one_replica, two_replicas) == (1, 2)
    for alone, spread in zip(expected, found, strict=True):
        np.testing.assert_allclose(spread, alone, atol=1e-5)
