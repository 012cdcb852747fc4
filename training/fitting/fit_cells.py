"""Train the convolutions of a VGG on whole cells, under a linear head that reads the measurements, too.

Nothing here is TensorFlow's own: `KERAS_BACKEND=torch` trains the same on a host that has PyTorch.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from models.measurements import ImageArray
from models.metrics import auroc
from models.networks import vgg_reach
from models.preprocessing import Floats, cell_weights
from training.cells.sampling import Doubles, draw
from training.fitting.cell_network import (
    altering,
    cell_classifier,
    cell_embedding,
    start_head,
    trained_base,
)
from training.fitting.cell_variation import draw_changes
from training.fitting.fit import (
    TRAINING_FLOOR,
    WATCHED_CELLS,
    compile_classifier,
    one_hot,
    unit_map,
)
from training.fitting.head_fit import fused_columns
from training.fitting.initial_weights import Weights, rounded
from training.fitting.steps import Batches, Schedule, train
from training.profiles import CellProfile

Rows = npt.NDArray[np.intp]
Seen = tuple[ImageArray, Floats, Floats]
"""crops: (n, s, s, 3) uint8. means: (n, 3) float32, subtracted from them. inside: (n, h, w, 1) float32, cell weights."""


@dataclass(frozen=True)
class WholeCells:
    """crops: (n, s, s, 3) uint8. measurements: (n, len(MEASUREMENTS)) float32. malignant: (n,) bool."""

    crops: ImageArray
    measurements: Floats
    malignant: npt.NDArray[np.bool_]


def fit_cells(
    cells: WholeCells,
    sample_weights: Doubles,
    weights: Weights,
    profile: CellProfile,
    *,
    watched: Rows,
    folder: Path,
    training: str,
) -> Weights:
    """Train the base, or go on where a kill ended that; the linear head it is trained under is thrown away.

    That head reads the last map alone, even where the one that is fitted afterwards reads two.

    Args:
        sample_weights: (n,) how often a cell is drawn; 0 for cells held out. weights: the base to start from.
        watched: cells whose AUROC is in the curve; nothing else depends on them.
        folder, training: see `training.fitting.steps.train`.

    Returns:
        The base, float32: its moving average, each channel that is read scaled to a mean of about 1.
    """
    served, profile = profile, _last_level(profile)
    keras.utils.set_random_seed(profile.seed)
    start = draw(sample_weights, profile.start_cells, seed=profile.seed, step=profile.steps)
    scaled = unit_map(weights, profile.architecture, embeddings(cells.crops, start, weights, profile))
    embedding = cell_embedding(profile, scaled, profile.convolution_dtype, TRAINING_FLOOR)
    classifier = cell_classifier(embedding, profile)
    learning = altering(classifier, profile)
    compile_classifier(learning, profile)
    looked_at = watched[:: max(len(watched) // WATCHED_CELLS, 1)]
    inside = _inside(cells.crops, profile)

    def batch(step: int) -> tuple[tuple[npt.NDArray[Any], ...], Floats]:
        rows = draw(sample_weights, profile.batch, seed=profile.seed, step=step)
        changes = draw_changes(len(rows), np.random.default_rng((profile.seed, step, 1)), profile.variation)
        drawn = (
            np.asarray(cells.crops[rows]),
            inside[rows],
            *changes.arrays(),
            fused_columns(cells.measurements[rows]),
        )
        return drawn, one_hot(cells.malignant[rows])

    def start_from_linear_head() -> None:
        start_head(
            classifier,
            embeddings(cells.crops, start, scaled, profile),
            fused_columns(cells.measurements[start]),
            cells.malignant[start],
            profile.head_penalty,
        )

    train(
        learning,
        batch,
        Schedule(profile.steps, profile.watch_steps),
        watch=lambda: {"watched_cells_auroc": _watched_auroc(classifier, cells, looked_at, profile)},
        folder=folder,
        training=training,
        start=start_from_linear_head,
    )
    base = trained_base(classifier, profile)
    return unit_map(base, served.architecture, embeddings(cells.crops, start, base, served))


def _last_level(profile: CellProfile) -> CellProfile:
    alone = profile.architecture.model_copy(update={"levels": 1})
    return profile.model_copy(update={"architecture": alone})


def seen(crops: ImageArray, profile: CellProfile) -> Seen:
    """What the network sees of cells as serving prepares them."""
    means = np.array([profile.preprocessing.channel_mean(crop) for crop in crops], np.float32)
    return crops, means, _inside(crops, profile)


def _inside(crops: ImageArray, profile: CellProfile) -> Floats:
    stride, _ = vgg_reach(profile.architecture)
    return np.stack([cell_weights(np.asarray(crop), crop.shape[0] // stride) for crop in crops])[..., None]


def embeddings(crops: ImageArray, rows: Rows, weights: Weights, profile: CellProfile) -> Floats:
    """Embeddings of whole cells as `models.head` pools them, in float32 from float16-rounded weights.

    Returns:
        (m, 2 * filters) float32: means, then deviations.
    """
    model = cell_embedding(profile, rounded(weights), "float32", deviation_floor=0.0)
    parts = np.array_split(rows, -(-len(rows) // profile.batch))
    batches = Batches(lambda number: (seen(crops[parts[number]], profile),), 0, len(parts))
    return np.asarray(model.predict(batches, verbose=0))


def _watched_auroc(classifier: "keras.Model", cells: WholeCells, rows: Rows, profile: CellProfile) -> float:
    parts = np.array_split(rows, -(-len(rows) // profile.batch))

    def batch(number: int) -> tuple[tuple[ImageArray, Floats, Floats, Floats]]:
        own = parts[number]
        return ((*seen(cells.crops[own], profile), fused_columns(cells.measurements[own])),)

    logits = classifier.predict(Batches(batch, 0, len(parts)), verbose=0).astype(np.float64)
    return auroc(logits[:, 0] - logits[:, 1], cells.malignant[rows])
