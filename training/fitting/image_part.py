"""One training of a whole network, pictures to held-out margins; the counterpart of `training.fitting.train_part`."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from training.cells.sampling import spread
from training.fitting.fit_images import fit_images
from training.fitting.prepare import PreparedPictures
from training.fitting.whole_network import BASE, HEAD, arrays, look_at_crops, named_variables
from training.pictures.examples import Pictures
from training.profiles import ImageProfile
from training.runs import FINAL, Run

Rows = npt.NDArray[np.intp]


def train_image_part(
    run: Run, profile: ImageProfile, prepared: PreparedPictures, part: str, *, say: Callable[[str], None]
) -> None:
    """Train on the train rows of `part`; leave weights, embeddings and the margins of held-out cells in the run."""
    split = run.split(part)
    held_out = split.val if part == FINAL else split.test
    learned, watched = split.train, next(rows for rows in (split.val, held_out, split.train) if len(rows))
    if profile.patience:
        learned, watched = watched_apart(split.train, run.malignant, run.groups)
    say(f"{part}: {len(learned)} cells learned from, {len(watched)} watched, up to {profile.steps} steps")
    model = fit_images(
        Pictures(prepared.pictures, run.malignant, run.groups),
        learned,
        watched,
        profile,
        init=run.inputs.init,
        folder=run.part_folder(part),
        training=run.identity(part),
    )
    weights = {name: arrays(variables) for name, variables in named_variables(model).items()}
    seen = np.concatenate([spread(split.train, run.groups, profile.head_cells_per_group), held_out])
    say(f"{part}: embeddings of {len(seen)} cells")
    features, margin = look_at_crops(prepared.crops, seen, weights[BASE] | weights[HEAD], profile)
    for name in (BASE, HEAD):
        run.save(part, name, weights[name])
    run.save(part, "features", {"rows": seen, "features": features})
    run.save(part, "held_out", {"rows": held_out, "margin": margin[len(seen) - len(held_out) :]})


def watched_apart(
    rows: Rows, malignant: npt.NDArray[np.bool_], groups: npt.NDArray[np.str_]
) -> tuple[Rows, Rows]:
    """Rows to learn from, and those of every fifth leak group of each class, for stopping alone.

    What stops a training must neither calibrate nor judge it, so the groups come out of the train part.

    Args:
        rows: of the train part. malignant, groups: of all cells.

    Raises:
        ValueError: a class has a single group.
    """
    apart: list[str] = []
    for side in (malignant, ~malignant):
        names, sizes = np.unique(groups[rows[side[rows]]], return_counts=True)
        if len(names) < 2:
            raise ValueError(f"Expected two leak groups of each class to set one apart, got {len(names)}.")
        largest_first = names[np.argsort(-sizes, kind="stable")]
        apart += largest_first[min(2, len(names) - 1) :: 5].tolist()
    watched = np.isin(groups[rows], apart)
    return rows[~watched], rows[watched]
