"""`RUN/report/<column>.csv`: every prediction behind a column, so that a reader can compute its figures again."""

import csv
from io import StringIO

from training.judging.evaluate import Judged
from training.runs import Run

DECIMALS = 6
ABOUT_A_CELL = ("cell", "label", "leak_group", "cv_fold")


def predictions_table(run: Run, judged: Judged) -> bytes:
    """A line a cell: what it is, then the calibrated probability of malignant by the column and by each baseline.

    `cell` is its place, from 0, among the cells of the run, which are in the order of their file names; these stay
    out, since a laboratory's may name people. Leak groups have the names that the column's JSON gives them.
    """
    by_whom = {"p_malignant": judged.p_malignant, **{f"p_{name}": p for name, p in judged.baselines.items()}}
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*ABOUT_A_CELL, *by_whom])
    for place, row in enumerate(judged.rows.tolist()):
        cell = run.cells[row]
        probabilities = [f"{p[place]:.{DECIMALS}f}" for p in by_whom.values()]
        table.writerow([row, cell.label.value, cell.leak_group, cell.cv_fold, *probabilities])
    return text.getvalue().encode()
