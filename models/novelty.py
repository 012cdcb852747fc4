"""How far a cell lies from the cells a model learned from, in four ways; the farthest decides.

Relative Mahalanobis distance (Ren et al. 2021, arXiv:2106.09022) and the distance to the nearest neighbours look at
the embedding; the Mahalanobis distance of the measurements looks at size, shape, colour and texture together. A network
that looks at a shrunken cell misses its fine texture, so the distance to the nearest neighbours is taken there, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from models.measurements import MEASUREMENTS
from models.neighbours import NeighbourSearch

Floats = npt.NDArray[np.float32]
Arrays = dict[str, npt.NDArray[Any]]


TEXTURE = (
    "gradient_mean",
    "gradient_p90",
    "sharpness",
    "band_1px",
    "band_2px",
    "band_4px",
    "band_8px",
    "dark_share",
    "dark_contrast",
)
"""Measurements of a cell's texture, all at the picture's own resolution."""

_TEXTURE_COLUMNS = [MEASUREMENTS.index(name) for name in TEXTURE]


class NoveltyLimits(BaseModel):
    """Beyond which distances a cell is unlike the training cells.

    neighbour: which nearest neighbour is measured. kept_share: share of held-out people's cells that lie within
    all four limits; kept_groups: how many people (leak groups) these were.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    relative: float = Field(allow_inf_nan=False)
    neighbours: float = Field(gt=0, allow_inf_nan=False)
    measurements: float = Field(gt=0, allow_inf_nan=False)
    texture: float = Field(gt=0, allow_inf_nan=False)
    neighbour: int = Field(ge=1)
    kept_share: float = Field(gt=0, le=1)
    kept_groups: int = Field(ge=1)


@dataclass(frozen=True)
class Distances:
    """relative: of the nearer class less that of all cells, per value. The others: see the module."""

    relative: float
    neighbours: float
    measurements: float
    texture: float


class NoveltyDetector:
    """The distances of one bundle.

    Args:
        arrays: as `fit_novelty` makes them, and the reference set's measurements.
        search: over the reference embeddings, with `novelty__scale`.
        limits: which neighbour is measured, and what is too far.
    """

    def __init__(self, arrays: Arrays, search: NeighbourSearch, limits: NoveltyLimits) -> None:
        self._classes = _Mahalanobis(
            arrays["novelty__within"], arrays["novelty__malignant_mean"], arrays["novelty__healthy_mean"]
        )
        self._all = _Mahalanobis(arrays["novelty__total"], arrays["novelty__mean"])
        self._measured_mean = arrays["novelty__measured_mean"].astype(np.float32)
        self._measured = _Mahalanobis(arrays["novelty__measured"], self._measured_mean)
        self._texture_whitening = arrays["novelty__texture"].astype(np.float32)
        self._texture_search = NeighbourSearch(
            self._texture(arrays["reference__measurements"]), np.ones(len(TEXTURE), np.float32)
        )
        self._search, self._limits = search, limits

    def distances(self, embedding: Floats, measurements: Mapping[str, float]) -> Distances:
        """Measure one cell. embedding: (d,) float32; measurements: `measure_cell` of the picture."""
        values = np.array([measurements[name] for name in MEASUREMENTS], np.float32)
        return Distances(
            relative=self._classes.nearest(embedding) - self._all.nearest(embedding),
            neighbours=float(self._search.nearest(embedding, self._limits.neighbour).distances[-1]),
            measurements=self._measured.nearest(values),
            texture=float(
                self._texture_search.nearest(self._texture(values), self._limits.neighbour).distances[-1]
            ),
        )

    def is_new(self, embedding: Floats, measurements: Mapping[str, float]) -> bool:
        """Whether any distance lies beyond its limit."""
        found, limits = self.distances(embedding, measurements), self._limits
        return (
            found.relative > limits.relative
            or found.neighbours > limits.neighbours
            or found.measurements > limits.measurements
            or found.texture > limits.texture
        )

    def _texture(self, measurements: Floats) -> Floats:
        """(..., len(MEASUREMENTS)) -> (..., len(TEXTURE)), uncorrelated over the training cells."""
        return np.asarray(
            (measurements - self._measured_mean)[..., _TEXTURE_COLUMNS] @ self._texture_whitening, np.float32
        )


def fit_novelty(embeddings: Floats, measurements: Floats, malignant: npt.NDArray[np.bool_]) -> Arrays:
    """Where the training cells lie.

    Args:
        embeddings: (n, d). measurements: (n, len(MEASUREMENTS)). malignant: (n,) bool.

    Returns:
        Means, and whitening matrices W such that |(x - mean) W|^2 is a squared Mahalanobis distance; float32, the
        embedding's two matrices float16, since they are most of what a bundle weighs.
    """
    means = {side: embeddings[malignant == side].mean(axis=0) for side in (True, False)}
    centred = embeddings - np.where(malignant[:, None], means[True], means[False])
    texture = measurements[:, _TEXTURE_COLUMNS]
    return {
        "novelty__malignant_mean": means[True],
        "novelty__healthy_mean": means[False],
        "novelty__within": _whitening(centred, floor=SCALE_FLOOR).astype(np.float16),
        "novelty__mean": embeddings.mean(axis=0),
        "novelty__total": _whitening(embeddings - embeddings.mean(axis=0), floor=SCALE_FLOOR).astype(
            np.float16
        ),
        "novelty__scale": np.maximum(embeddings.std(axis=0), SCALE_FLOOR).astype(np.float32),
        "novelty__measured_mean": measurements.mean(axis=0),
        "novelty__measured": _whitening(measurements - measurements.mean(axis=0)),
        "novelty__texture": _whitening(texture - texture.mean(axis=0), TEXTURE_SHRINKAGE),
    }


SHRINKAGE = 0.1
"""Share of the identity mixed into the correlations: many values lean on each other, and people are few."""

TEXTURE_SHRINKAGE = 0.001
"""Nine values need next to none, and what tells a strange texture are just the directions in which they vary least."""

SCALE_FLOOR = 0.05
"""Smallest scale of an embedding value, where 1 is a channel's mean: a nearly silent channel stays silent."""


def _whitening(centred: Floats, shrinkage: float = SHRINKAGE, floor: float = 1e-6) -> Floats:
    scale = np.maximum(centred.std(axis=0), floor)
    correlation = np.cov(centred / scale, rowvar=False, dtype=np.float64)
    mixed = (1 - shrinkage) * correlation + shrinkage * np.eye(len(correlation))
    return np.asarray(np.linalg.cholesky(np.linalg.inv(mixed)) / scale[:, None], np.float32)


class _Mahalanobis:
    """Distances to several means under one whitening, for one product with its matrix."""

    def __init__(self, whitening: npt.NDArray[Any], *means: npt.NDArray[Any]) -> None:
        self._whitening = whitening.astype(np.float32)
        self._means = np.stack(means).astype(np.float32) @ self._whitening

    def nearest(self, values: Floats) -> float:
        """Mean over the values of the squared, whitened distance to the nearest mean; about 1 for a training cell."""
        return float(np.square(values @ self._whitening - self._means).mean(axis=1).min())
