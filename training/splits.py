"""Who is learned from, who calibrates, who judges: always whole leak groups."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.labels import Label
from training.dataset import DatasetError, LabelledCell

FOLDS = 5

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """Row numbers of the cells of each part; disjoint in leak groups. `val` is empty out of fold."""

    train: Indices
    val: Indices
    test: Indices


def frozen_split(cells: Sequence[LabelledCell]) -> Split:
    """The data set's own train / val / test assignment."""
    names = np.array([cell.split for cell in cells])
    return checked(Split(*(np.flatnonzero(names == part) for part in ("train", "val", "test"))), cells)


def fold_split(cells: Sequence[LabelledCell], fold: int) -> Split:
    """Train on every other cross-validation fold, test on `fold`."""
    folds = np.array([cell.cv_fold for cell in cells])
    if not (folds == fold).any():
        raise DatasetError(
            f"Expected cv_fold {fold} in the data set, got folds {sorted(set(folds.tolist()))}."
        )
    return checked(
        Split(np.flatnonzero(folds != fold), np.array([], np.intp), np.flatnonzero(folds == fold)), cells
    )


def with_split(cells: Sequence[LabelledCell]) -> list[LabelledCell]:
    """Give a data set that states no split one by leak group; one that does is returned as it is.

    Within each class the groups go, largest first, to the fold with the fewest cells so far. Fold 0 is the
    test part, fold 1 the val part.
    """
    if all(cell.split for cell in cells):
        return list(cells)
    fold_of: dict[tuple[Label, str], int] = {}
    for label in Label:
        sizes = Counter(cell.leak_group for cell in cells if cell.label is label)
        filled = [0] * FOLDS
        for group, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
            fold = filled.index(min(filled))
            filled[fold] += size
            fold_of[label, group] = fold
    folds = [fold_of[cell.label, cell.leak_group] for cell in cells]
    parts = ["test", "val"] + ["train"] * (FOLDS - 2)
    return [replace(cell, split=parts[f], cv_fold=f) for cell, f in zip(cells, folds, strict=True)]


def checked(split: Split, cells: Sequence[LabelledCell]) -> Split:
    """Refuse a split that shares a leak group, or learns or judges on fewer than both classes.

    Raises:
        DatasetError: naming the groups that straddle, or the part that lacks a class.
    """
    groups = [{cells[i].leak_group for i in part} for part in (split.train, split.val, split.test)]
    straddling = (groups[0] & groups[1]) | (groups[0] & groups[2]) | (groups[1] & groups[2])
    if straddling:
        raise DatasetError(
            f"Expected every leak group in one part only, got {sorted(straddling)} in several."
        )
    for name, part in (("train", split.train), ("test", split.test)):
        if len({cells[i].label for i in part}) < 2:
            raise DatasetError(f"Expected both classes in the {name} part, got {len(part)} cells of fewer.")
    return split
