"""One training, frozen maps to held-out margins: the unit that folds, seeds and the final model repeat."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from training.cells.sampling import drawing_weights, spread
from training.fitting.features import whole_cell_features
from training.fitting.fit import PatchMaps, fit_last_block
from training.fitting.frozen_features import frozen_base, frozen_features
from training.fitting.head_fit import fit_head, head_margin
from training.fitting.initial_weights import Weights, rounded
from training.fitting.prepare import PreparedCells, PreparedPatches, open_prepared
from training.profiles import PatchProfile
from training.runs import FINAL, Run

Rows = npt.NDArray[np.intp]


def train_part(
    run: Run, profile: PatchProfile, prepared: PreparedCells, part: str, *, say: Callable[[str], None]
) -> None:
    """Train on the train rows of `part`; leave the weights and the margins of held-out cells in the run.

    Held out is the val part for the final model (its test part is classified once, by `evaluate`), nothing where the
    folds calibrate it, and the fold's own cells out of fold.
    """
    split = run.split(part)
    held_out = split.val if part == FINAL else split.test
    base = (
        _fit_base(run, profile, part, held_out, say) if profile.steps else frozen_base(run, profile, prepared)
    )
    run.save(part, "base", base)
    learned = spread(split.train, run.groups, profile.head_cells_per_group)
    rows = np.concatenate([learned, held_out])
    say(f"{part}: embeddings of {len(learned)} cells for the head and of {len(held_out)} held out")
    features = (
        whole_cell_features(prepared.crops[rows], base, profile)
        if profile.steps
        else frozen_features(run, profile, prepared)[rows]
    )
    run.save(part, "features", {"rows": rows, "features": features})
    fit_part_head(run, profile, prepared, part)


def fit_part_head(run: Run, profile: PatchProfile, prepared: PreparedCells, part: str) -> None:
    """Fit the head on the embeddings that `train_part` stored, and write the held-out margins."""
    split, stored = run.split(part), run.load(part, "features")
    learned = np.isin(stored["rows"], split.train)
    rows = stored["rows"][learned]
    head = fit_head(
        stored["features"][learned],
        prepared.measurements[rows],
        run.malignant[rows],
        run.groups[rows],
        profile.head_recipe,
    )
    run.save(part, "head", head)
    held_out = stored["rows"][~learned]
    margin = head_margin(stored["features"][~learned], prepared.measurements[held_out], rounded(head))
    run.save(part, "held_out", {"rows": held_out, "margin": margin})


def _fit_base(
    run: Run,
    profile: PatchProfile,
    part: str,
    held_out: Rows,
    say: Callable[[str], None],
) -> Weights:
    learned = run.split(part).train
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
