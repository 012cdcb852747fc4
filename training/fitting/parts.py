"""What `prepare` and `fit` do with a run, by the kind of its profile.

Each kind's trainer is imported when it is asked for: whole cells are trained without TensorFlow where Keras computes
with PyTorch.
"""

from collections.abc import Callable

from training.fitting.prepare import PreparedPatches, PreparedPictures, open_prepared, prepare_cells
from training.profiles import CellProfile, ImageProfile, PatchProfile
from training.runs import Run


def prepare_run(run: Run) -> None:
    """Decode the cells; where the last block is trained on patches, compute the blocks below it once."""
    folder = run.folder / "prepared"
    prepare_cells(run.cells, run.profile, folder)
    if isinstance(run.profile, PatchProfile) and run.profile.steps:
        from training.fitting.frozen import frozen_maps

        patches = open_prepared(folder, PreparedPatches)
        start = run.starting_weights()
        frozen_maps(patches.patches, patches.patch_means, start, run.profile, folder / "maps.npy")


def fit_part(run: Run, part: str, *, say: Callable[[str], None]) -> None:
    """Train one part, or go on where a kill ended that.

    Raises:
        ValueError: the run joins others; its parts come from theirs.
    """
    if run.profile.members:
        raise ValueError(f"Expected a run of one network, {run.folder} joins several.")
    folder = run.folder / "prepared"
    if isinstance(run.profile, ImageProfile):
        from training.fitting.image_part import train_image_part

        train_image_part(run, run.profile, open_prepared(folder, PreparedPictures), part, say=say)
    elif isinstance(run.profile, CellProfile):
        from training.fitting.cell_part import train_cell_part

        train_cell_part(run, run.profile, open_prepared(folder), part, say=say)
    else:
        from training.fitting.train_part import train_part

        train_part(run, run.profile, open_prepared(folder), part, say=say)
