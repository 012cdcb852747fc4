"""Who is learned from, who calibrates, who judges: always whole leak groups."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.labels import Label
from training.cells.dataset import LabelledCell
from training.cells.layouts import DatasetError

FOLDS = 5

Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """Row numbers of the cells of each part; disjoint in leak groups. `val` is empty out of fold."""

    train: Indices
    val: Indices
    test: Indices

    def without_val(self) -> "Split":
        """The val part is learned from, too."""
        return Split(np.sort(np.concatenate([self.train, self.val])), np.array([], np.intp), self.test)


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


def official_split(cells: Sequence[LabelledCell], fold: int) -> Split:
    """Train on the data set's own other folds, test on `fold`; groups that straddle them go to training whole.

    The official folds keep subjects apart, but not the subjects who share a picture.
    """
    folds = np.array([cell.official_fold for cell in cells])
    if not (folds == fold).any():
        raise DatasetError(
            f"Expected official fold {fold} in the data set, got folds {sorted(set(folds.tolist()))}."
        )
    groups = np.array([cell.leak_group for cell in cells])
    learned = np.isin(groups, groups[folds != fold])
    return checked(Split(np.flatnonzero(learned), np.array([], np.intp), np.flatnonzero(~learned)), cells)


def random_split(cells: Sequence[LabelledCell], seed: int) -> Split:
    """The paper's 6 : 3 : 1 by image. For comparison only: the same people are on every side, so it flatters."""
    order = np.random.default_rng(seed).permutation(len(cells))
    train, val = round(0.6 * len(cells)), round(0.9 * len(cells))
    parts = (np.sort(part) for part in np.split(order, [train, val]))
    return checked(Split(*parts), cells, comparison=True)


def freeze(split: Split, cells: Sequence[LabelledCell], path: Path) -> str:
    """Write a split by file name, with the digest that `thawed` checks; returns the digest."""
    parts = {
        name: sorted(cells[i].path.name for i in rows)
        for name, rows in (("train", split.train), ("val", split.val), ("test", split.test))
    }
    digest = _digest(parts)
    path.write_text(json.dumps({"sha256": digest, **parts}, indent=1), encoding="utf-8")
    return digest


def thawed(path: Path, cells: Sequence[LabelledCell], *, comparison: bool = False) -> Split:
    """Read a frozen split back.

    Raises:
        DatasetError: the file was changed, or names a cell that the data set lacks.
    """
    stored = json.loads(path.read_text(encoding="utf-8"))
    digest = stored.pop("sha256", None)
    if digest != _digest(stored):
        raise DatasetError(f"Expected the split that {path} was frozen with, its digest does not fit.")
    row_of = {cell.path.name: row for row, cell in enumerate(cells)}
    missing = [name for names in stored.values() for name in names if name not in row_of]
    if missing:
        raise DatasetError(f"Expected every cell of {path} in the data set, {missing[0]} is not there.")
    parts = (np.array([row_of[n] for n in stored[part]], np.intp) for part in ("train", "val", "test"))
    return checked(Split(*parts), cells, comparison=comparison)


def _digest(parts: dict[str, list[str]]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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


def checked(split: Split, cells: Sequence[LabelledCell], *, comparison: bool = False) -> Split:
    """Refuse a split that shares a leak group, or learns or judges on fewer than both classes.

    Args:
        comparison: let leak groups straddle, for figures that are only ever shown beside honest ones.

    Raises:
        DatasetError: naming the groups that straddle, or the part that lacks a class.
    """
    groups = [{cells[i].leak_group for i in part} for part in (split.train, split.val, split.test)]
    straddling = (groups[0] & groups[1]) | (groups[0] & groups[2]) | (groups[1] & groups[2])
    if straddling and not comparison:
        raise DatasetError(
            f"Expected every leak group in one part only, got {sorted(straddling)} in several."
        )
    for name, part in (("train", split.train), ("test", split.test)):
        if len({cells[i].label for i in part}) < 2:
            raise DatasetError(f"Expected both classes in the {name} part, got {len(part)} cells of fewer.")
    return split
