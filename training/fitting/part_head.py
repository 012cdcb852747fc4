"""How the training of a base ends: embeddings of whole cells, a head on those learned from, margins of those held out."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.preprocessing import Floats
from training.cells.sampling import spread
from training.fitting.head_fit import fit_head, head_margin
from training.fitting.initial_weights import rounded
from training.fitting.prepare import PreparedCells
from training.runs import FINAL, Run

Rows = npt.NDArray[np.intp]


def held_out_cells(run: Run, part: str) -> Rows:
    """The val part for the final model (its test part is classified once, by `evaluate`), nothing where the folds
    calibrate it, and the fold's own cells out of fold."""
    split = run.split(part)
    return split.val if part == FINAL else split.test


def fit_part_head(
    run: Run,
    prepared: PreparedCells,
    part: str,
    embed: Callable[[Rows], Floats],
    *,
    say: Callable[[str], None],
) -> None:
    """Leave embeddings, head and held-out margins of a part in the run.

    Args:
        embed: cells -> their embeddings by the part's base, (m, d) float32.
    """
    held_out = held_out_cells(run, part)
    learned = spread(run.split(part).train, run.groups, run.profile.head_cells_per_group)
    rows = np.concatenate([learned, held_out])
    say(f"{part}: embeddings of {len(learned)} cells for the head and of {len(held_out)} held out")
    features = embed(rows)
    run.save(part, "features", {"rows": rows, "features": features})
    head = fit_head(
        features[: len(learned)],
        prepared.measurements[learned],
        run.malignant[learned],
        run.groups[learned].tolist(),
        run.profile.head_recipe,
    )
    run.save(part, "head", head)
    margin = head_margin(features[len(learned) :], prepared.measurements[held_out], rounded(head))
    run.save(part, "held_out", {"rows": held_out, "margin": margin})
