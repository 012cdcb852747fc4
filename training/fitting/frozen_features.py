"""A run that trains no convolution: every part has the same base, so every cell is looked at once."""

import numpy as np

from models.preprocessing import Floats
from training.cells.pieces import stored, stored_in_pieces
from training.fitting.features import whole_cell_features
from training.fitting.fit import unit_map
from training.fitting.initial_weights import Weights
from training.fitting.prepare import PreparedCells
from training.profiles import PatchProfile
from training.runs import Run

FOLDER = "frozen"
SCALED_BY = 64
"""Cells whose mean response the channels are divided by. People held out may be among them: no label is read, and the
head standardises what comes out."""

AT_ONCE = 200


def frozen_base(run: Run, profile: PatchProfile, prepared: PreparedCells) -> Weights:
    """The starting weights, each channel that is read scaled to a mean of about 1."""

    def scaled() -> Weights:
        weights = run.starting_weights()
        rows = np.linspace(0, len(run.cells) - 1, min(SCALED_BY, len(run.cells))).astype(int)
        return unit_map(
            weights, profile.architecture, whole_cell_features(prepared.crops[rows], weights, profile)
        )

    return stored(run.folder / FOLDER / "base.npz", scaled)


def frozen_features(run: Run, profile: PatchProfile, prepared: PreparedCells) -> Floats:
    """Embeddings of all cells through `frozen_base`: (n, 2 * filters) float32. A stopped run goes on."""
    base = frozen_base(run, profile, prepared)
    return stored_in_pieces(
        run.folder / FOLDER / "features",
        len(run.cells),
        AT_ONCE,
        lambda rows: {"features": whole_cell_features(prepared.crops[rows], base, profile)},
    )["features"]
