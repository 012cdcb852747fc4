"""A VGG on whole cells as one Keras model: what `models.preprocessing`, the base and `models.head` do, differentiable."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from models.base_weights import base_variables, set_base_weights
from models.networks import build_base
from models.preprocessing import Floats
from training.fitting.cell_variation import AlteredCells, blur_reach
from training.fitting.devices import precision
from training.fitting.fit import CellMeanDeviation
from training.fitting.head_fit import EMBEDDING_FLOOR, FUSED, MEASUREMENT_FLOOR, both_logits, standard
from training.fitting.initial_weights import Weights
from training.profiles import CellProfile

Bools = npt.NDArray[np.bool_]


class Normalised(keras.layers.Layer):
    """`models.preprocessing.subtract_mean` behind the graphics card's door: bytes travel there, not floats."""

    def call(self, inputs: list[Any]) -> Any:
        pixels, mean = inputs
        return keras.ops.cast(pixels, "float32") / 255.0 - mean[:, None, None, :]


def cell_embedding(
    profile: CellProfile, weights: Weights, dtype: str, deviation_floor: float
) -> "keras.Model":
    """[crops uint8, means, cell weights] -> the embedding of `models.head`, (n, 2 * filters) float32.

    Args:
        dtype: the convolutions compute in it. deviation_floor: added to a variance, so that its root has a slope.
    """
    side = profile.preprocessing.output_px
    crops = keras.Input((side, side, 3), dtype="uint8", name="crop")
    means = keras.Input((3,), name="mean")
    with precision(dtype):
        base = build_base(profile.architecture, side)
    set_base_weights(base, weights)
    for layer in base.layers:
        layer.trainable = not layer.name.startswith(_frozen(profile))
    inside = keras.Input((*base.output.shape[1:3], 1), name="inside")
    maps = base(Normalised(dtype="float32", name="normalised")([crops, means]))
    pooled = CellMeanDeviation(deviation_floor, name="pooled")([maps, inside])
    return keras.Model([crops, means, inside], pooled)


def _frozen(profile: CellProfile) -> tuple[str, ...]:
    """How the names of layers that are not trained begin."""
    return tuple(f"block{block}_" for block in range(1, profile.frozen_blocks + 1))


def cell_classifier(embedding: "keras.Model", profile: CellProfile) -> "keras.Model":
    """Embedding and measurements, each standardised, through dropout to two logits."""
    measured = keras.Input((len(FUSED),), name="measurements")
    joined = keras.layers.Concatenate(name="joined")([embedding.output, measured])
    scaled = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=0.0, trainable=False, name="standard"
    )
    x = keras.layers.Dropout(profile.dropout, seed=profile.seed)(scaled(joined))
    return keras.Model([*embedding.inputs, measured], keras.layers.Dense(2, name="logits")(x))


def altering(classifier: "keras.Model", profile: CellProfile) -> "keras.Model":
    """The classifier behind `AlteredCells`: [crops, cell weights, *`Changes.arrays`, measurements] -> logits."""
    crop, _, inside, measured = classifier.inputs
    changes = [
        keras.Input((3,), dtype="bool", name="turned"),
        keras.Input((3,), name="gain"),
        keras.Input((2 * blur_reach(profile.variation) + 1,), name="blur"),
        keras.Input((), name="noise"),
    ]
    own = [
        keras.Input(each.shape[1:], dtype=each.dtype, name=f"given_{each.name}")
        for each in (crop, inside, measured)
    ]
    altered = AlteredCells(profile.preprocessing, profile.seed, name="altered")([*own[:2], *changes])
    return keras.Model([*own[:2], *changes, own[2]], classifier([*altered, own[2]]))


def start_head(
    classifier: "keras.Model", vectors: Floats, measured: Floats, malignant: Bools, penalty: float
) -> None:
    """Standardise, and fit the head on the starting embedding, so that the first gradients mean something.

    Args:
        vectors: (n, d) float32 embeddings. measured: (n, len(FUSED)) float32.
    """
    columns = (standard(vectors, EMBEDDING_FLOOR), standard(measured, MEASUREMENT_FLOOR))
    mean, scale = (np.concatenate(each) for each in zip(*columns, strict=True))
    linear = LogisticRegression(C=1.0 / penalty, max_iter=500)
    linear.fit((np.hstack([vectors, measured]) - mean) / scale, malignant)
    classifier.get_layer("standard").set_weights([mean, np.square(scale)])
    classifier.get_layer("logits").set_weights(
        [both_logits(linear.coef_[0]), both_logits(linear.intercept_)[0]]
    )


def trained_base(classifier: "keras.Model", profile: CellProfile) -> Weights:
    """The convolutions, float32, by the names of a bundle."""
    base = classifier.get_layer(f"{profile.architecture.name}_base")
    return {name: keras.ops.convert_to_numpy(each) for name, each in base_variables(base).items()}
