"""Train the last block of a VGG base on patches, the blocks below it frozen.

The frozen blocks' maps of all patches are computed once (`training.fitting.frozen`); a step costs the last block.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from models.metrics import auroc
from models.networks import Architecture, read_convolutions, vgg_convolutions
from models.preprocessing import Floats
from training.cells.sampling import Doubles, draw
from training.fitting.head_fit import level_columns
from training.fitting.initial_weights import Weights
from training.fitting.steps import Schedule, train
from training.pictures.patches import INNER_POSITIONS, POOLED_POSITIONS
from training.profiles import CellProfile, PatchProfile

WATCHED_CELLS = 400

TRAINING_FLOOR = 1e-4
"""Added to a channel's variance over a cell while training; serving adds nothing."""

Halves = npt.NDArray[np.float16]


@dataclass(frozen=True)
class PatchMaps:
    """Patches behind the frozen blocks, cells first.

    maps: (n, p, INNER_POSITIONS, INNER_POSITIONS, channels) float16. weights: (n, p, POOLED_POSITIONS,
    POOLED_POSITIONS) float32. malignant: (n,) bool.
    """

    maps: Halves
    weights: Floats
    malignant: npt.NDArray[np.bool_]

    def take(self, cells: npt.NDArray[np.intp], patch: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Maps and weights of one patch of each of `cells`, as the trained block takes them."""
        maps = self.maps[cells, patch].astype(np.float32)
        return maps, self.weights[cells, patch][..., None]


def fit_last_block(
    data: PatchMaps,
    sample_weights: Doubles,
    weights: Weights,
    profile: PatchProfile,
    *,
    watched: npt.NDArray[np.intp],
    folder: Path,
    training: str,
) -> Weights:
    """Train the last block and a throw-away linear head on patches, or go on where a kill ended that.

    Args:
        data: frozen maps of all cells. sample_weights: (n,) how often a cell is drawn; 0 for cells held out.
        weights: the base to start from.
        watched: cells whose AUROC on single patches is in the curve, held-out ones where there are any; nothing else
            depends on them.
        folder, training: see `training.fitting.steps.train`.

    Returns:
        `weights` with the last block's arrays replaced by the trained ones (their moving average), each
        channel of the last map scaled to a mean of about 1.
    """
    keras.utils.set_random_seed(profile.seed)
    features = pooled_patches(weights, profile, data.maps.shape[-1])
    model = with_linear_head(features, profile)
    compile_classifier(model, profile)

    def batch(step: int) -> tuple[tuple[Floats, Floats], Floats]:
        cells = draw(sample_weights, profile.batch, seed=profile.seed, step=step)
        patch = np.random.default_rng((profile.seed, step, 1)).integers(data.maps.shape[1], size=len(cells))
        return data.take(cells, patch), one_hot(data.malignant[cells])

    train(
        model,
        batch,
        Schedule(profile.steps, profile.watch_steps),
        watch=lambda: {"watched_cells_auroc": _watched_auroc(model, data, watched)},
        folder=folder,
        training=training,
        start=lambda: start_linear_head(model, features, data, sample_weights, profile),
    )
    trained = dict(weights)
    for layer in last_block(profile):
        trained[f"{layer}__kernel"], trained[f"{layer}__bias"] = model.get_layer(layer).get_weights()
    cells = draw(sample_weights, profile.start_patches, seed=profile.seed, step=profile.steps)
    return unit_channels(trained, last_block(profile)[-1], channel_scale(_vectors(features, data, cells)))


def channel_scale(vectors: Floats) -> Floats:
    """Mean response of each channel; that of all for a channel that is nearly silent.

    Args:
        vectors: (n, 2 * filters) float32, pooled; the first half are the means.
    """
    mean = vectors.mean(axis=0)[: vectors.shape[1] // 2]
    return np.where(mean > 1e-3 * mean.mean(), mean, mean.mean()).astype(np.float32)


def unit_channels(weights: Weights, layer: str, scale: Floats) -> Weights:
    """Divide each channel of the last convolution by its mean response.

    ReLU lets a positive factor through, so nothing is lost; the head's float16 kernel then stays far from the
    subnormal numbers, and no channel dominates a distance between embeddings.

    Args:
        scale: (filters,) float32, see `channel_scale`.
    """
    kernel, bias = weights[f"{layer}__kernel"] / scale, weights[f"{layer}__bias"] / scale
    return weights | {f"{layer}__kernel": kernel, f"{layer}__bias": bias}


def unit_map(weights: Weights, architecture: Architecture, vectors: Floats) -> Weights:
    """Divide each channel that the head reads by its mean response, and leave what the network computes as it is.

    Args:
        vectors: (n, 2 * channels) float32, embeddings by `weights` of the cells whose mean response counts.
    """
    levels = read_convolutions(architecture)
    for layer, own in zip(levels, level_columns([each.filters for each in levels]), strict=True):
        scale = channel_scale(vectors[:, own])
        weights = unit_channels(weights, layer.name, scale)
        if layer is not levels[-1]:
            after = f"{_following(architecture, layer.name)}__kernel"
            weights |= {after: weights[after] * scale[:, None]}
    return weights


def _following(architecture: Architecture, layer: str) -> str:
    names = [each.name for each in vgg_convolutions(architecture)]
    return names[names.index(layer) + 1]


def pooled_patches(weights: Weights, profile: PatchProfile, channels: int) -> "keras.Model":
    """The last block and its pooling: [maps, cell weights] of patches -> (n, 2 * filters) float32.

    The convolutions are unpadded: a patch lies inside a cell, where serving has neighbours and no border.
    """
    maps = keras.Input((INNER_POSITIONS, INNER_POSITIONS, channels), name="map")
    inside = keras.Input((POOLED_POSITIONS, POOLED_POSITIONS, 1), name="inside")
    x: Any = maps
    for layer in last_block(profile):
        kernel, bias = weights[f"{layer}__kernel"], weights[f"{layer}__bias"]
        convolution = keras.layers.Conv2D(
            kernel.shape[-1], 3, activation="relu", name=layer, dtype=profile.convolution_dtype
        )
        x = convolution(x)
        convolution.set_weights([kernel, bias])
    return keras.Model([maps, inside], CellMeanDeviation(TRAINING_FLOOR, name="pooled")([x, inside]))


class CellMeanDeviation(keras.layers.Layer):
    """`models.head`'s pooling of the same name, differentiable: mean and deviation over cell positions.

    Args:
        floor: added to the variance: the root's slope is infinite at 0, where a channel that is silent lies.
    """

    def __init__(self, floor: float, **layer: Any) -> None:
        super().__init__(**layer)
        self._floor = floor

    def call(self, inputs: list[Any]) -> Any:
        maps, inside = (keras.ops.cast(part, "float32") for part in inputs)
        share = inside / (keras.ops.sum(inside, axis=(1, 2), keepdims=True) + 1e-6)
        mean = keras.ops.sum(maps * share, axis=(1, 2), keepdims=True)
        variance = keras.ops.sum(keras.ops.square(maps - mean) * share, axis=(1, 2))
        return keras.ops.concatenate([mean[:, 0, 0], keras.ops.sqrt(variance + self._floor)], axis=-1)


def with_linear_head(features: "keras.Model", profile: PatchProfile) -> "keras.Model":
    """Put standardisation, dropout and two logits on the features."""
    standard = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=0.0, trainable=False, name="standard"
    )
    x: Any = standard(features.output)
    x = keras.layers.Dropout(profile.dropout, seed=profile.seed)(x)
    return keras.Model(features.input, keras.layers.Dense(2, name="logits")(x))


def start_linear_head(
    model: "keras.Model",
    features: "keras.Model",
    data: PatchMaps,
    sample_weights: Doubles,
    profile: PatchProfile,
) -> None:
    """Fit the linear head on the frozen features, so that the first gradients mean something."""
    cells = draw(sample_weights, profile.start_patches, seed=profile.seed, step=profile.steps + 1)
    vectors = _vectors(features, data, cells)
    mean, variance = vectors.mean(axis=0), vectors.var(axis=0) + 1e-4
    linear = LogisticRegression(C=0.01, max_iter=300)
    linear.fit((vectors - mean) / np.sqrt(variance), data.malignant[cells])
    half = linear.coef_[0] / 2
    model.get_layer("standard").set_weights([mean, variance])
    model.get_layer("logits").set_weights(
        [np.stack([half, -half], axis=1), np.array([1, -1]) * linear.intercept_[0] / 2]
    )


def last_block(profile: PatchProfile) -> list[str]:
    """Names of the convolutions that are trained."""
    prefix = f"block{profile.architecture.blocks}_"
    return [layer.name for layer in vgg_convolutions(profile.architecture) if layer.name.startswith(prefix)]


def _vectors(model: "keras.Model", data: PatchMaps, cells: npt.NDArray[np.intp]) -> Floats:
    """The model's output for the first patch of each cell."""
    parts = np.array_split(cells, max(len(cells) // 64, 1))
    return np.concatenate([model.predict_on_batch(data.take(part, np.zeros_like(part))) for part in parts])


def _watched_auroc(model: "keras.Model", data: PatchMaps, cells: npt.NDArray[np.intp]) -> float:
    chosen = cells[:: max(len(cells) // WATCHED_CELLS, 1)]
    logits = _vectors(model, data, chosen).astype(np.float64)
    return auroc(logits[:, 0] - logits[:, 1], data.malignant[chosen])


def cosine_rate(highest: float, steps: int) -> "keras.optimizers.schedules.LearningRateSchedule":
    """Up in a straight line over the first twentieth of the steps, then down in a cosine to nothing."""
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=highest, warmup_steps=max(steps // 20, 1)
    )


def compile_classifier(model: "keras.Model", profile: PatchProfile | CellProfile) -> None:
    """Adam in a warmed-up cosine, moving average, smoothed labels."""
    optimizer = keras.optimizers.Adam(
        cosine_rate(profile.learning_rate, profile.steps),
        use_ema=profile.ema_momentum > 0,
        ema_momentum=profile.ema_momentum,
        clipnorm=1.0,
    )
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=profile.label_smoothing),
    )


def one_hot(malignant: npt.NDArray[np.bool_]) -> Floats:
    """Targets in the order of the logits: (n,) bool -> (n, 2) float32."""
    return np.stack([malignant, ~malignant], axis=1).astype(np.float32)
