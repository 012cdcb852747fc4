"""One training, frozen maps to held-out margins: the unit that folds, seeds and the final model repeat."""

from collections.abc import Callable

import numpy as np

from models.preprocessing import Floats
from training.cells.sampling import drawing_weights
from training.fitting.features import whole_cell_features
from training.fitting.fit import PatchMaps, fit_last_block
from training.fitting.frozen_features import frozen_base, frozen_features
from training.fitting.initial_weights import Weights
from training.fitting.part_head import Rows, fit_part_head, held_out_cells
from training.fitting.prepare import PreparedCells, PreparedPatches, open_prepared
from training.profiles import PatchProfile
from training.runs import Run


def train_part(
    run: Run, profile: PatchProfile, prepared: PreparedCells, part: str, *, say: Callable[[str], None]
) -> None:
    """Train on the train rows of `part`; leave the weights and the margins of held-out cells in the run."""
    base = _fit_base(run, profile, part, say) if profile.steps else frozen_base(run, profile, prepared)
    run.save(part, "base", base)

    def embed(rows: Rows) -> Floats:
        if profile.steps:
            return whole_cell_features(prepared.crops[rows], base, profile)
        return frozen_features(run, profile, prepared)[rows]

    fit_part_head(run, prepared, part, embed, say=say)


def _fit_base(run: Run, profile: PatchProfile, part: str, say: Callable[[str], None]) -> Weights:
    learned, held_out = run.split(part).train, held_out_cells(run, part)
    folder = run.folder / "prepared"
    maps = np.load(folder / "maps.npy", mmap_mode="r")
    patches = open_prepared(folder, PreparedPatches)
    watched, whose = (held_out, "held-out") if len(held_out) else (learned, "learned")
    say(f"{part}: {profile.steps} steps, {whose} cells watched")
    return fit_last_block(
        PatchMaps(maps, patches.patch_weights, run.malignant),
        drawing_weights(learned, run.malignant, run.groups),
        run.starting_weights(),
        profile,
        watched=watched,
        folder=run.part_folder(part),
        training=run.identity(part),
    )
