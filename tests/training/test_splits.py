from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.cells.dataset import read_dataset
from training.cells.layouts import DatasetError
from training.cells.splits import (
    checked,
    fold_split,
    freeze,
    frozen_split,
    official_split,
    random_split,
    thawed,
    with_split,
)


def test_the_frozen_split_covers_every_cell_once(drawn_dataset: Path) -> None:
    cells = read_dataset(drawn_dataset)
    split = frozen_split(cells)
    rows = np.concatenate([split.train, split.val, split.test])
    assert sorted(rows.tolist()) == list(range(len(cells)))


def test_a_leak_group_on_both_sides_is_refused_by_name(drawn_dataset: Path) -> None:
    cells = read_dataset(drawn_dataset)
    moved = next(i for i, cell in enumerate(cells) if cell.leak_group == "H1")
    cells[moved] = replace(cells[moved], split="test")
    with pytest.raises(DatasetError, match=r"\['H1'\]"):
        frozen_split(cells)


def test_a_fold_is_judged_by_a_model_that_saw_none_of_its_groups(drawn_dataset: Path) -> None:
    cells = read_dataset(drawn_dataset)
    split = fold_split(cells, 1)
    learned = {cells[i].leak_group for i in split.train}
    assert not learned & {cells[i].leak_group for i in split.test}


def test_a_fold_that_does_not_exist_is_refused(drawn_dataset: Path) -> None:
    with pytest.raises(DatasetError, match="cv_fold 7"):
        fold_split(read_dataset(drawn_dataset), 7)


def test_a_data_set_without_a_split_gets_one_by_leak_group(drawn_dataset: Path) -> None:
    bare = [replace(cell, split="", cv_fold=-1) for cell in read_dataset(drawn_dataset)]
    cells = with_split(bare)
    split = frozen_split(cells)
    assert [len(part) for part in (split.train, split.val, split.test)] == [12, 4, 8]
    assert {cell.cv_fold for cell in cells} == {0, 1, 2, 3, 4}


def test_a_part_of_one_class_is_refused(drawn_dataset: Path) -> None:
    cells = [
        cell for cell in read_dataset(drawn_dataset) if cell.split != "test" or cell.label == "malignant"
    ]
    with pytest.raises(DatasetError, match="both classes in the test part"):
        frozen_split(cells)


def test_the_papers_random_split_is_allowed_only_as_a_comparison(drawn_dataset: Path) -> None:
    cells = read_dataset(drawn_dataset)
    split = random_split(cells, seed=1)
    assert [len(part) for part in (split.train, split.val, split.test)] == [14, 8, 2]
    with pytest.raises(DatasetError, match="one part only"):
        checked(split, cells)


def test_a_frozen_split_comes_back_and_a_changed_one_is_refused(drawn_dataset: Path, tmp_path: Path) -> None:
    cells = read_dataset(drawn_dataset)
    file = tmp_path / "split.json"
    freeze(frozen_split(cells), cells, file)
    back = thawed(file, cells[::-1])
    names = {cells[::-1][i].path.name for i in back.test}
    assert names == {cell.path.name for cell in cells if cell.split == "test"}
    file.write_text(file.read_text().replace("UID_1_1_1_all", "UID_1_2_1_all", 1))
    with pytest.raises(DatasetError, match="digest"):
        thawed(file, cells)


def test_an_official_fold_is_judged_without_the_groups_it_shares(drawn_dataset: Path) -> None:
    cells = [
        replace(cell, official_fold=1 if cell.leak_group in ("1", "H1", "2") else 0)
        for cell in read_dataset(drawn_dataset)
    ]
    shared = next(i for i, cell in enumerate(cells) if cell.leak_group == "2")
    cells[shared] = replace(cells[shared], official_fold=0)
    split = official_split(cells, 1)
    assert {cells[i].leak_group for i in split.test} == {"1", "H1"}
