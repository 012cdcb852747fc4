"""The figures of a training while it runs: RUN/<part>/curve.csv, and the same for TensorBoard beside it.

`tensorboard --logdir RUN` draws the parts of a run over one another.
"""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

CURVE = "curve.csv"
TENSORBOARD = "tensorboard"

Row = dict[str, float]


class Curve:
    """Rows of one training, the first column `step`.

    Args:
        folder: of the part.
        steps_done: where the training goes on; later rows, of steps that will be repeated, are dropped.
    """

    def __init__(self, folder: Path, steps_done: int) -> None:
        from tensorboard.summary import Writer  # a report reads curves without it

        self._file = folder / CURVE
        self._events = Writer(str(folder / TENSORBOARD))
        kept = _read(self._file) if steps_done and self._file.is_file() else []
        self.rows = [row for row in kept if row["step"] <= steps_done]
        self._write()

    def add(self, step: int, figures: Mapping[str, float]) -> None:
        """Append a row; it is on disk when this returns."""
        self.rows.append({"step": float(step), **figures})
        self._write()
        for name, figure in figures.items():
            self._events.add_scalar(name, figure, step)
        self._events.flush()

    def _write(self) -> None:
        unfinished = self._file.with_suffix(".part")
        with unfinished.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, fieldnames=list(self.rows[-1]) if self.rows else ["step"])
            writer.writeheader()
            writer.writerows(self.rows)
        unfinished.replace(self._file)


def read_curve(file: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Column -> its values, one a watch; nan where a row has none."""
    rows = _read(file)
    return {name: np.array([row.get(name, np.nan) for row in rows]) for name in (rows[-1] if rows else ())}


def _read(file: Path) -> list[Row]:
    with file.open(newline="", encoding="utf-8") as lines:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(lines)]
