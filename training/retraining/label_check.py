"""Whether the labels of new cells can be right: within one person, cells of different classes must look different."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from models.bundle import Interval
from models.metrics import RESAMPLES, auroc, interval
from training.calibration.limits import Observed, cross_fitted_head
from training.cells.splits import FOLDS
from training.profiles import HeadRecipe

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


class LabelCheck(BaseModel):
    """People whose new cells carry both labels, and how well a head that saw none of them tells these labels apart.

    auroc: over pairs of one person's cells, its interval over people; None where nobody carries both.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: int
    auroc: Interval | None


def check_labels(observed: Observed, new: Bools, *, recipe: HeadRecipe, seed: int) -> LabelCheck:
    """Judge the new cells with heads fitted without the person, on old and new cells.

    Labels that were mixed up at random give 0.5 here whatever the head is worth, because both sides of a pair then
    come from the same cells. The idea of judging labels by a model that has not seen them: Northcutt, Jiang and
    Chuang 2021, arXiv:1911.00068.

    Args:
        observed: what was learned from. new: (n,) which of it is new. recipe: of the head.
    """
    _, person = np.unique(observed.groups, return_inverse=True)
    margin = cross_fitted_head(replace(observed, folds=person % FOLDS), recipe=recipe)
    judged = new & np.isfinite(margin)
    return within_people(margin[judged], observed.malignant[judged], observed.groups[judged], seed=seed)


def within_people(score: Doubles, malignant: Bools, groups: npt.NDArray[np.str_], *, seed: int) -> LabelCheck:
    """AUROC over pairs of cells of the same person. score (n,): the higher, the more malignant."""
    rows = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    mixed = [own for own in rows if len(set(malignant[own].tolist())) == 2]
    if not mixed:
        return LabelCheck(people=0, auroc=None)
    pairs = np.array([malignant[own].sum() * (~malignant[own]).sum() for own in mixed], float)
    right = pairs * [auroc(score[own], malignant[own]) for own in mixed]
    drawn = np.random.default_rng(seed).integers(len(mixed), size=(RESAMPLES, len(mixed)))
    resampled = right[drawn].sum(axis=1) / pairs[drawn].sum(axis=1)
    return LabelCheck(people=len(mixed), auroc=interval(float(right.sum() / pairs.sum()), resampled.tolist()))
