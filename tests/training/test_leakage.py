from pathlib import Path

import numpy as np
import pytest

from training.cells.dataset import read_dataset
from training.judging.leakage import cuts, field_of


@pytest.mark.parametrize(
    ("file", "field"),
    [
        ("UID_H10_100_2_hem.webp", "H10_100"),
        ("UID_11_3_1_all.bmp", "11_3"),
        ("1.bmp", None),
    ],
)
def test_a_field_is_a_subjects_picture(file: str, field: str | None) -> None:
    assert field_of(file) == field


def test_each_cut_keeps_together_what_it_names(drawn_dataset: Path) -> None:
    cells = read_dataset(drawn_dataset)
    found = cuts(cells, seed=1)
    assert list(found) == ["cell", "field", "subject"]
    fields = np.array([field_of(cell.path.name) for cell in cells])
    assert all(len(set(found["field"][fields == field])) == 1 for field in fields)
    assert found["subject"].tolist() == [cell.cv_fold for cell in cells]
    assert {len(set(folds.tolist())) for folds in found.values()} == {2}


def test_a_cut_by_cell_puts_people_on_both_sides(drawn_dataset: Path) -> None:
    cells = read_dataset(drawn_dataset)
    groups = np.array([cell.leak_group for cell in cells])
    folds = cuts(cells, seed=1)["cell"]
    assert any(len(set(folds[groups == group])) == 2 for group in groups)
