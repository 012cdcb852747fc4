"""One training on whole cells, crops to held-out margins; the counterpart of `training.fitting.train_part`."""

from collections.abc import Callable

from training.cells.sampling import drawing_weights
from training.fitting.fit_cells import WholeCells, embeddings, fit_cells
from training.fitting.part_head import fit_part_head, held_out_cells
from training.fitting.prepare import PreparedCells
from training.profiles import CellProfile
from training.runs import Run


def train_cell_part(
    run: Run, profile: CellProfile, prepared: PreparedCells, part: str, *, say: Callable[[str], None]
) -> None:
    """Train on the train rows of `part`; leave weights, embeddings and the margins of held-out cells in the run."""
    learned, held_out = run.split(part).train, held_out_cells(run, part)
    watched, whose = (held_out, "held-out") if len(held_out) else (learned, "learned")
    say(f"{part}: {profile.steps} steps on {len(learned)} cells, {whose} cells watched")
    base = fit_cells(
        WholeCells(prepared.crops, prepared.measurements, run.malignant),
        drawing_weights(learned, run.malignant, run.groups),
        run.starting_weights(),
        profile,
        watched=watched,
        folder=run.part_folder(part),
        training=run.identity(part),
    )
    run.save(part, "base", base)
    fit_part_head(run, prepared, part, lambda rows: embeddings(prepared.crops, rows, base, profile), say=say)
