"""The frozen reference: what an untrained-on VGG16 already sees of a cell, the bar a trained network must clear.

Mean and deviation of block 3 over the eroded cell at native resolution, as the starting weights give them; a logistic
head on them, and boosted trees on the measurements, fused by the mean of their logits.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.measurements import MEASUREMENTS, measure_cell
from models.preprocessing import Floats, Preprocessing
from training.cells.dataset import LabelledCell, read_pixels
from training.cells.pieces import stored_in_pieces
from training.fitting.features import whole_cell_features
from training.fitting.initial_weights import Weights, initial_weights
from training.fitting.prepare import open_prepared
from training.judging.baselines import Described
from training.profiles.honest import PROFILE as HONEST
from training.runs import Run

RECIPE = Preprocessing(crop_px=320, output_px=320, centre="cell", mean="crop")
PROFILE = HONEST.model_copy(update={"name": "frozen_reference", "preprocessing": RECIPE})
AT_ONCE = 200
PART = "baseline"


def frozen_features(
    cells: Sequence[LabelledCell], weights: Weights, folder: Path, say: Callable[[int], None] = lambda _: None
) -> tuple[Floats, Floats]:
    """Features and measurements of cells, through the engine that serves; a stopped run goes on.

    Args:
        weights: the base as it is before any training, three blocks of VGG16.
        folder: of the pieces. say: told how many cells are done.

    Returns:
        (n, 512) and (n, len(MEASUREMENTS)), float32.
    """

    def look(rows: slice) -> dict[str, npt.NDArray[np.float32]]:
        pictures = [read_pixels(cell) for cell in cells[rows]]
        crops = np.stack([RECIPE.crop(pixels) for pixels in pictures])
        measured = [measure_cell(pixels) for pixels in pictures]
        return {
            "features": whole_cell_features(crops, weights, PROFILE),
            "measurements": np.array(
                [[values[name] for name in MEASUREMENTS] for values in measured], np.float32
            ),
        }

    found = stored_in_pieces(folder, len(cells), AT_ONCE, look, say)
    return found["features"], found["measurements"]


def compute_reference(run: Run, init: str, say: Callable[[int], None] = lambda _: None) -> None:
    """Leave the features of all cells of a run in it, for `described`.

    Args:
        init: the VGG16 convolutions, as a run's inputs name them. say: told how many cells are done.
    """
    folder = run.folder / PART
    weights = initial_weights(init, PROFILE.architecture, PROFILE.seed)
    features, measurements = frozen_features(run.cells, weights, folder / "pieces", say)
    run.save(PART, "features", {"features": features, "measurements": measurements})


def described(run: Run) -> Described:
    """The cells of a run as the baselines see them; without the frozen features where `compute_reference` never ran."""
    known: dict[str, Floats | None] = {"features": None}
    if (run.folder / PART / "features.npz").is_file():
        known |= run.load(PART, "features")
    else:
        known["measurements"] = np.asarray(open_prepared(run.folder / "prepared").measurements)
    return Described(**known, malignant=run.malignant, groups=run.groups, seed=run.profile.seed)
