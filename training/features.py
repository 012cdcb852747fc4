"""Whole cells through a base, as serving does it: the embedding of `models.head`."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from models.engines.ncnn import NcnnEngine
from models.head import Head, HeadSpec
from models.measurements import ImageArray, foreground_mask
from models.preprocessing import Floats, cell_weights
from training.initial_weights import Weights
from training.profiles import Profile


def rounded(weights: Weights) -> Weights:
    """What is left of float32 weights in a bundle's float16."""
    return {name: array.astype(np.float16).astype(np.float32) for name, array in weights.items()}


def cell_window(crop: ImageArray, stride: int) -> tuple[slice, slice]:
    """Rows and columns that hold the cell and all that its positions see: about two thirds of a crop.

    Positions inside the cell see at most 6 strides beyond it (21 px for three blocks), so black that lies
    farther out changes nothing. Bounds are multiples of `stride`, which keeps the map's grid.

    Args:
        crop: (s, s, 3) uint8. stride: pixels per map position; divides s.
    """
    mask, side = foreground_mask(crop), crop.shape[0]
    bounds = []
    for axis in (1, 0):
        seen = np.flatnonzero(mask.any(axis=axis))
        first, last = (int(seen[0]), int(seen[-1])) if seen.size else (0, side - 1)
        start = max(first // stride - 6, 0) * stride
        bounds.append(slice(start, min((last // stride + 7) * stride, side)))
    return bounds[0], bounds[1]


def whole_cell_features(crops: ImageArray, weights: Weights, profile: Profile) -> Floats:
    """Embeddings of whole cells with the engine and the pooling that serve them.

    Args:
        crops: (n, s, s, 3) uint8, from `profile.preprocessing`. weights: the base; used float16-rounded.

    Returns:
        (n, 2 * filters) float32: means, then deviations.
    """
    engine = NcnnEngine(profile.architecture, rounded(weights))
    filters = weights[list(weights)[-1]].shape[-1]
    spec = HeadSpec(pooling="cell_mean_deviation", dense_layers=1, embedding_length=2 * filters)
    head = Head(
        spec,
        {"head__dense1__kernel": np.zeros((2 * filters, 2)), "head__dense1__bias": np.zeros(2)},
    )

    def embed(crop: ImageArray) -> Floats:
        stride = 2 ** (profile.architecture.blocks - 1)
        rows, columns = cell_window(crop, stride)
        feature_map = engine.maps(profile.preprocessing.normalise(crop)[None, rows, columns])[0]
        inside = cell_weights(crop, crop.shape[0] // stride)
        on_map = tuple(slice(part.start // stride, part.stop // stride) for part in (rows, columns))
        return head(feature_map, inside[on_map], {}).embedding

    with ThreadPoolExecutor(engine.streams) as pool:
        return np.stack(list(pool.map(embed, crops)))
