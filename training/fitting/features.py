"""Whole cells through a base, as serving does it: the embedding of `models.head`."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from models.cell_view import look_at_cell
from models.engines.ncnn import NcnnEngine
from models.head import Head, HeadSpec
from models.measurements import ImageArray
from models.networks import read_convolutions
from models.preprocessing import Floats
from training.fitting.initial_weights import Weights, rounded
from training.profiles import PatchProfile


def whole_cell_features(crops: ImageArray, weights: Weights, profile: PatchProfile) -> Floats:
    """Embeddings of whole cells with the engine and the pooling that serve them.

    Args:
        crops: (n, s, s, 3) uint8, from `profile.preprocessing`. weights: the base; used float16-rounded.

    Returns:
        (n, 2 * filters) float32: means, then deviations.
    """
    engine = NcnnEngine(profile.architecture, rounded(weights))
    filters = sum(layer.filters for layer in read_convolutions(profile.architecture))
    spec = HeadSpec(pooling="cell_mean_deviation", dense_layers=1, embedding_length=2 * filters)
    head = Head(
        spec,
        {"head__dense1__kernel": np.zeros((2 * filters, 2)), "head__dense1__bias": np.zeros(2)},
    )

    def embed(crop: ImageArray) -> Floats:
        look = look_at_cell(
            crop,
            {},
            engine=engine,
            head=head,
            architecture=profile.architecture,
            recipe=profile.preprocessing,
        )
        return look.embedding

    with ThreadPoolExecutor(engine.streams) as pool:
        return np.stack(list(pool.map(embed, crops)))
