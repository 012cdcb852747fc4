"""Conformal prediction sets by class: the labels that are not ruled out at alpha.

`least` is the class's alpha quantile over cells that a model without their person scored: cells like these keep their
true label with a chance of 1 - alpha on average over the people. A promise for the cells of one new person is another
thing and dearer. Pooling the people so that each weighs the same and counting the new one as the worst case gives
`least_new_person`: hierarchical conformal prediction, Lee, Barber and Willett (2023), arXiv:2306.06342.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from models.labels import Label

Doubles = npt.NDArray[np.float64]


class ConformalLimit(BaseModel):
    """When one label is ruled out: where its probability lies below `least`.

    least_new_person: what `least` would have to be for the promise to hold for the cells of one new person; 0, so
    nothing ruled out, where fewer than 1 / alpha - 1 leak groups stand behind it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(gt=0, lt=1)
    least: float = Field(ge=0, le=1)
    least_new_person: float = Field(ge=0, le=1)
    cells: int = Field(ge=0)
    groups: int = Field(ge=0)


class ConformalLimits(BaseModel):
    """One limit a class, and how the scores it was fitted on came about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    malignant: ConformalLimit
    healthy: ConformalLimit
    fitted_on: str

    def prediction_set(self, p_malignant: float) -> tuple[Label, ...]:
        """The labels not ruled out, malignant first; may be none or both."""
        kept = {Label.MALIGNANT: p_malignant >= self.malignant.least}
        kept[Label.HEALTHY] = 1.0 - p_malignant >= self.healthy.least
        return tuple(label for label, stays in kept.items() if stays)


def groups_needed(alpha: float) -> int:
    """The fewest leak groups a guarantee at alpha can rest on: 1 / alpha - 1, rounded up."""
    return math.ceil(round(1.0 / alpha, 9)) - 1


def fit_limit(p_true: Doubles, groups: Sequence[str], alpha: float) -> ConformalLimit:
    """The limits for one class.

    Args:
        p_true: (n,) probability of their true class for cells of this class, by a model that saw none of their people.
        groups: n leak groups.
    """
    rank = math.floor(alpha * (len(p_true) + 1))
    least = float(np.sort(p_true)[rank - 1]) if rank else 0.0
    return ConformalLimit(
        alpha=alpha,
        least=least,
        least_new_person=least_for_a_new_person(p_true, groups, alpha),
        cells=len(p_true),
        groups=len(set(groups)),
    )


def least_for_a_new_person(p_true: Doubles, groups: Sequence[str], alpha: float) -> float:
    """See `ConformalLimit`; arguments as in `fit_limit`."""
    names, which, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if len(names) < groups_needed(alpha):
        return 0.0
    order = np.argsort(p_true)
    mass = np.cumsum(1.0 / sizes[which[order]]) + 1.0  # the new person's, at the worst end
    first = int(np.flatnonzero(mass > alpha * (len(names) + 1) + 1e-9)[0])
    return float(p_true[order[first]])
