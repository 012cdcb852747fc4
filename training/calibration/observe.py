"""A bundle's own view of labelled cells: embeddings, margins, measurements, through the engine that serves it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.bundle import Bundle
from models.cell_view import look_at_cell
from models.engines import open_engine
from models.head import Head
from models.measurements import MEASUREMENTS, measure_cell
from models.quality import inspect_cell
from training.calibration.limits import Observed
from training.cells.dataset import LabelledCell, read_pixels
from training.cells.pieces import Arrays, stored_in_pieces

AT_ONCE = 200


@dataclass(frozen=True)
class Seen:
    """All cells of a data set, in order, and (n,) l_malignant - l_healthy of each."""

    observed: Observed
    margin: npt.NDArray[np.float64]

    def where(self, kept: npt.NDArray[np.bool_]) -> "Seen":
        """Some of the cells."""
        return Seen(self.observed.where(kept), self.margin[kept])


def observe(
    bundle: Bundle, cells: Sequence[LabelledCell], out: Path, say: Callable[[int], None] = lambda _: None
) -> Seen:
    """Look at every cell, gate or no gate; a stopped run goes on where it was.

    Args:
        out: folder of the pieces, `00000.npz` and so on, `AT_ONCE` cells each.
        say: told how many cells are done.
    """
    engine = open_engine(bundle, "ncnn")
    head = Head(bundle.manifest.head, bundle.weights)
    recipe = bundle.manifest.preprocessing

    def look(cell: LabelledCell) -> tuple[npt.NDArray[np.float32], ...]:
        pixels = read_pixels(cell)
        values = measure_cell(pixels)
        output = look_at_cell(
            recipe.crop(pixels),
            values,
            engine=engine,
            head=head,
            architecture=bundle.manifest.architecture,
            recipe=recipe,
        )
        inspected = inspect_cell(pixels, recipe)
        measured = np.array([values[name] for name in MEASUREMENTS], np.float32)
        return output.embedding, output.logits, measured, np.array(list(inspected.values()), np.float32)

    with ThreadPoolExecutor(engine.streams) as pool:

        def look_at(rows: slice) -> Arrays:
            columns = zip(*pool.map(look, cells[rows]), strict=True)
            return {name: np.stack(column) for name, column in zip(_COLUMNS, columns, strict=True)}

        return _together(cells, stored_in_pieces(out, len(cells), AT_ONCE, look_at, say))


_COLUMNS = ("embeddings", "logits", "measurements", "inspections")


def _together(cells: Sequence[LabelledCell], found: Arrays) -> Seen:
    logits = found.pop("logits").astype(np.float64)
    observed = Observed(
        **found,
        malignant=np.array([cell.label == "malignant" for cell in cells]),
        groups=np.array([cell.leak_group for cell in cells]),
        parts=np.array([cell.split for cell in cells]),
        folds=np.array([cell.cv_fold for cell in cells]),
    )
    return Seen(observed, logits[:, 0] - logits[:, 1])
