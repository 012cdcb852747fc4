"""The paper's way of counting: malignant cells dropped at random until both classes are equal.

Its figures stand on one such draw (339 + 339 images, see `training.judging.paper_table`). Precision, F1 and accuracy then are those
of a prevalence of one half, whatever the data's is; shown beside, for comparison with the paper only.
"""

import numpy as np
import numpy.typing as npt

from models.bundle import Interval
from models.metrics import DECISION, interval
from training.judging.paper_table import Counts, figures

DRAWS = 500

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def counts_of(p_malignant: Doubles, malignant: Bools) -> Counts:
    """Cells by truth and call, at 0.5."""
    called = p_malignant >= DECISION
    cells = (called & malignant, ~called & malignant, ~called & ~malignant, called & ~malignant)
    return Counts(*(int(each.sum()) for each in cells))


def balanced_figures(p_malignant: Doubles, malignant: Bools, *, seed: int) -> dict[str, Interval]:
    """The paper's five figures, 0..1: the mean over many draws, and where 95 % of the draws lie.

    The interval is of the draws, not of people, so it is far narrower than an honest one.
    """
    random = np.random.default_rng(seed)
    sides = [np.flatnonzero(malignant), np.flatnonzero(~malignant)]
    fewest = min(map(len, sides))
    drawn: list[dict[str, float]] = []
    for _ in range(DRAWS):
        rows = np.concatenate([random.choice(side, fewest, replace=False) for side in sides])
        drawn.append(figures(counts_of(p_malignant[rows], malignant[rows])))
    found = {}
    for name in drawn[0]:
        values = np.array([each[name] for each in drawn]) / 100
        found[name] = interval(float(values.mean()), values.tolist())
    return found
