"""One training on whole cells, crops to held-out margins; the counterpart of `training.fitting.train_part`."""

from collections.abc import Callable

import numpy as np

from training.cells.sampling import drawing_weights, spread
from training.fitting.fit_cells import WholeCells, embeddings, fit_cells
from training.fitting.head_fit import head_margin, with_trees
from training.fitting.initial_weights import rounded
from training.fitting.prepare import PreparedCells
from training.profiles import CellProfile
from training.runs import FINAL, Run


def train_cell_part(
    run: Run, profile: CellProfile, prepared: PreparedCells, part: str, *, say: Callable[[str], None]
) -> None:
    """Train on the train rows of `part`; leave weights, embeddings and the margins of held-out cells in the run."""
    split = run.split(part)
    held_out = split.val if part == FINAL else split.test
    watched, whose = (held_out, "held-out") if len(held_out) else (split.train, "learned")
    say(f"{part}: {profile.steps} steps on {len(split.train)} cells, {whose} cells watched")
    base, head = fit_cells(
        WholeCells(prepared.crops, prepared.measurements, run.malignant),
        drawing_weights(split.train, run.malignant, run.groups),
        run.starting_weights(),
        profile,
        watched=watched,
        folder=run.part_folder(part),
        training=run.identity(part),
    )
    learned = spread(split.train, run.groups, profile.head_cells_per_group)
    if profile.trees:
        head = with_trees(
            head,
            prepared.measurements[learned],
            run.malignant[learned],
            run.groups[learned].tolist(),
            profile.trees,
        )
    rows = np.concatenate([learned, held_out])
    say(f"{part}: embeddings of {len(rows)} cells")
    features = embeddings(prepared.crops, rows, base, profile)
    own = slice(len(rows) - len(held_out), None)
    run.save(part, "base", base)
    run.save(part, "head", head)
    run.save(part, "features", {"rows": rows, "features": features})
    margin = head_margin(features[own], prepared.measurements[held_out], rounded(head))
    run.save(part, "held_out", {"rows": held_out, "margin": margin})
