"""How a training went: RUN/<part>/curve.csv, its first column `step`, or the older curve.npz."""

import numpy as np
import numpy.typing as npt

from training.fitting.curve import read_curve
from training.runs import Run

Columns = dict[str, npt.NDArray[np.float64]]

WATCHED = "held_out_patch_auroc"
"""What the second column of a curve.npz is."""


def read_curves(run: Run) -> dict[str, Columns]:
    """Part -> its columns, `step` among them, for every part that left a curve with a row in it."""
    found: dict[str, Columns] = {}
    for path in sorted(run.folder.glob("*/curve.*")):
        columns = read_curve(path) if path.suffix == ".csv" else _from_npz(run, path.parent.name)
        if columns.get("step", np.array([])).size:
            found.setdefault(path.parent.name, columns)
    return found


def _from_npz(run: Run, part: str) -> Columns:
    curve = run.load(part, "curve")["curve"]
    return {"step": curve[:, 0].astype(float), WATCHED: curve[:, 1].astype(float)}
