"""From a feature map to logits, embedding and Grad-CAM, in numpy, the same for every engine.

The engines stop at the last convolution's map before its pooling. What follows is a few million
multiplications, so it needs no framework, and explanation comes with it: for these heads the Grad-CAM of
Selvaraju et al. (arXiv:1610.02391, equations 1 and 2) has a closed form.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from models.boosted_trees import BoostedTrees

Floats = npt.NDArray[np.float32]
Pooling = Literal["max_then_mean", "mean", "cell_mean_deviation"]


class HeadSpec(BaseModel):
    """Shape of a head, as the manifest states it.

    pooling: `max_then_mean` (2x2 max pool, then mean; the paper's VGG), `mean` (the paper's Xception) or
    `cell_mean_deviation` (mean and standard deviation over the positions inside the cell).
    dense_layers: how many dense layers; ReLU between them, the last one gives the two logits.
    fusion: measurements added to the logits as one linear term, empty for none.
    trees: so many boosted trees on the same measurements are added, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pooling: Pooling
    dense_layers: int = Field(ge=1, le=4)
    embedding_length: int = Field(ge=1)
    fusion: tuple[str, ...] = ()
    trees: int = Field(default=0, ge=0, le=2000)


@dataclass(frozen=True)
class HeadOutput:
    """logits: (2,) float32, malignant first. embedding: (embedding_length,) float32, the pooled vector.
    heatmap: (h, w) float32 >= 0, the Grad-CAM of the malignant-minus-healthy logit's winning side; where only
    the cell is pooled, zero outside it.
    """

    logits: Floats
    embedding: Floats
    heatmap: Floats


class Head:
    """Pooling, dense layers and fusion of one bundle.

    Args:
        spec: the manifest's head.
        weights: `head__dense<i>__kernel` (inputs, outputs), `head__dense<i>__bias`, and with fusion
            `fusion__mean`, `fusion__scale` (n,), `fusion__kernel` (n, 2); with trees `trees__feature`,
            `trees__threshold`, `trees__value` of `models.boosted_trees`. Any float type.

    Raises:
        ValueError: a weight is missing or its shape contradicts the spec.
    """

    def __init__(self, spec: HeadSpec, weights: dict[str, npt.NDArray[np.floating]]) -> None:
        self.spec = spec
        self._layers = [
            (_take(weights, f"head__dense{i}__kernel"), _take(weights, f"head__dense{i}__bias"))
            for i in range(1, spec.dense_layers + 1)
        ]
        width = spec.embedding_length
        for index, (kernel, bias) in enumerate(self._layers, start=1):
            if kernel.ndim != 2 or kernel.shape[0] != width or bias.shape != (kernel.shape[1],):
                raise ValueError(f"Expected dense layer {index} to take {width} values, got {kernel.shape}.")
            width = kernel.shape[1]
        if width != 2:
            raise ValueError(f"Expected 2 logits from the last dense layer, got {width}.")
        self._fusion: tuple[Floats, Floats, Floats] | None = None
        if spec.fusion:
            mean, scale, kernel = (_take(weights, f"fusion__{part}") for part in ("mean", "scale", "kernel"))
            count = len(spec.fusion)
            if mean.shape != (count,) or scale.shape != (count,) or kernel.shape != (count, 2):
                raise ValueError(f"Expected fusion arrays for {count} measurements, got {kernel.shape}.")
            self._fusion = (mean, scale, kernel)
        self._trees = _take_trees(weights, spec) if spec.trees else None

    def __call__(self, feature_map: Floats, inside: Floats, measurements: dict[str, float]) -> HeadOutput:
        """Finish one cell.

        Args:
            feature_map: (c, h, w) float32, the map before its pooling.
            inside: (h, w) float32, `preprocessing.cell_weights` of the crop; read by `cell_mean_deviation`.
            measurements: `measurements.measure_cell` of the picture; read when the head fuses them.
        """
        embedding = self._pool(feature_map, inside)
        logits, slope = self._dense(embedding)
        if self._fusion is not None:
            mean, scale, kernel = self._fusion
            values = np.array([measurements[name] for name in self.spec.fusion], np.float32)
            logits = logits + np.asarray(((values - mean) / scale) @ kernel, np.float32)
            if self._trees is not None:
                logits = logits + self._trees.margin(values[None]) * np.array([0.5, -0.5], np.float32)
        # The gradient of l_malignant - l_healthy; explained is the side that won.
        towards = slope if logits[0] >= logits[1] else -slope
        channel_weights = self._channel_weights(towards, feature_map)
        heatmap = np.maximum(np.tensordot(channel_weights, feature_map, axes=1), 0.0)
        if self.spec.pooling == "cell_mean_deviation":
            heatmap = heatmap * (inside > 0)  # what lies outside was never pooled
        return HeadOutput(logits, embedding, heatmap.astype(np.float32))

    def _pool(self, feature_map: Floats, inside: Floats) -> Floats:
        channels = feature_map.shape[0]
        if self.spec.pooling == "mean":
            return np.asarray(feature_map.reshape(channels, -1).mean(axis=1))
        if self.spec.pooling == "max_then_mean":
            return np.asarray(_max_pool(feature_map).reshape(channels, -1).mean(axis=1))
        positions = np.flatnonzero(inside)
        share = inside.ravel()[positions] / inside.sum()
        values = feature_map.reshape(channels, -1)[:, positions]
        mean = values @ share
        deviation = np.sqrt(np.square(values - mean[:, None]) @ share)
        return np.concatenate([mean, deviation]).astype(np.float32)

    def _dense(self, vector: Floats) -> tuple[Floats, Floats]:
        """Logits, and the gradient of l_malignant - l_healthy with respect to `vector`."""
        gates: list[npt.NDArray[np.bool_]] = []
        x = vector
        for index, (kernel, bias) in enumerate(self._layers):
            x = np.asarray(x @ kernel + bias, np.float32)
            if index < len(self._layers) - 1:
                gates.append(x > 0)
                x = np.maximum(x, 0.0)
        slope: Any = np.array([1.0, -1.0], np.float32)
        for layer, gate in zip(reversed(self._layers), [None, *reversed(gates)], strict=True):
            slope = layer[0] @ (slope if gate is None else slope * gate)
        return x, slope

    def _channel_weights(self, slope: Floats, feature_map: Floats) -> Floats:
        """Mean over all positions of d score / d map: Grad-CAM's channel weights, (c,).

        Every pooling here hands its gradient on whole: a mean in equal shares, a maximum to one of four
        positions. The deviation's gradient sums to zero over the cell, so only the mean's half of the slope
        remains.
        """
        channels, height, width = feature_map.shape
        return np.asarray(slope[:channels] / (height * width))


def _take(weights: dict[str, npt.NDArray[np.floating]], name: str) -> Floats:
    if name not in weights:
        raise ValueError(f"Expected the weight {name!r}, which the bundle does not hold.")
    return weights[name].astype(np.float32)


def _take_trees(weights: dict[str, npt.NDArray[np.floating]], spec: HeadSpec) -> BoostedTrees:
    trees = BoostedTrees.of(weights, numbers=len(spec.fusion))
    if len(trees.value) != spec.trees:
        raise ValueError(f"Expected {spec.trees} trees, got {len(trees.value)}.")
    return trees


def _max_pool(feature_map: Floats) -> Floats:
    channels, height, width = feature_map.shape
    even = feature_map[:, : height // 2 * 2, : width // 2 * 2]
    return np.asarray(even.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4)))
