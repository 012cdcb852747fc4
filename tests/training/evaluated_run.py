"""A run of drawn cells as if two folds had been trained: held-out margins are made up, everything else is computed."""

from pathlib import Path

import numpy as np

from models.measurements import MEASUREMENTS, measure_cell
from training.cells.dataset import read_pixels
from training.profiles import profile
from training.runs import Run


def write_fold_run(folder: Path, data: Path, *, features: bool = True) -> Run:
    """Two folds whose margins are right on average, with a curve; the frozen features, if wanted, are noise and signal."""
    run = Run.create(folder, profile("smoke"), data, "none")
    random = np.random.default_rng(3)
    measured = [measure_cell(read_pixels(cell)) for cell in run.cells]
    measurements = np.array([[values[name] for name in MEASUREMENTS] for values in measured], np.float32)
    (folder / "prepared").mkdir()
    np.save(folder / "prepared" / "measurements.npy", measurements)
    for fold in (0, 1):
        rows = run.split(f"fold{fold}").test
        margin = random.normal(np.where(run.malignant[rows], 1.0, -1.0), 1.2)
        run.save(f"fold{fold}", "held_out", {"rows": rows, "margin": margin})
        run.save(f"fold{fold}", "curve", {"curve": np.array([[0, 0.5], [3, 0.6 + fold / 10]])})
    if features:
        found = random.normal(0, 1, (len(run.cells), 6)) + run.malignant[:, None]
        run.save("baseline", "features", {"features": found.astype(np.float32), "measurements": measurements})
    return run
