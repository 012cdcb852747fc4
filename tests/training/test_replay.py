"""Which new cells a retraining may learn from, and that what judges stays as it was."""

from dataclasses import replace
from pathlib import Path

import pytest

from models.labels import Label
from training.cells.dataset import LabelledCell, read_dataset
from training.cells.layouts import DatasetError
from training.retraining.replay import (
    LeftOut,
    Pictured,
    admitted,
    pictured,
    require_cells,
    snapshot,
    write_joined,
)


def cell(digest: str, person: str, label: Label = Label.MALIGNANT, split: str = "") -> Pictured:
    return Pictured(LabelledCell(Path(f"{digest}.png"), label, person, person, split, 0, 0), digest)


OLD = [
    cell("learned", "A", split="train"),
    cell("judging", "B", split="test"),
    cell("fitting", "C", split="val"),
]


def test_new_cells_are_learned_from_and_belong_to_no_fold() -> None:
    kept, left_out = admitted(OLD, [cell("new", "N")])
    assert [(each.cell.split, each.cell.cv_fold, each.cell.official_fold) for each in kept] == [
        ("train", -1, -1)
    ]
    assert not left_out


def test_nobody_who_calibrates_or_judges_is_learned_from() -> None:
    same_name, same_picture = cell("new", "B"), cell("fitting", "N")
    also_that_person = cell("another", "N")
    kept, left_out = admitted(OLD, [same_name, same_picture, also_that_person])
    assert (kept, left_out) == ([], {LeftOut.HELD_OUT: 3})


def test_a_picture_counts_once_and_under_one_class() -> None:
    twice = [cell("new", "N"), cell("new", "N")]
    disputed = [cell("other", "N"), cell("other", "M", Label.HEALTHY)]
    kept, left_out = admitted(OLD, [*twice, *disputed, cell("learned", "A"), cell("judged", "N")])
    assert [each.digest for each in kept] == ["new", "judged"]
    assert left_out == {LeftOut.REPEATED: 1, LeftOut.CONTRADICTED: 2, LeftOut.REPLAYED: 1}


def test_without_a_cell_there_is_nothing_to_learn_and_the_reasons_are_named() -> None:
    with pytest.raises(DatasetError, match="1 of a person who calibrates or judges"):
        require_cells(*admitted(OLD, [cell("new", "B")]))


def test_the_snapshot_changes_with_a_label_and_with_a_pixel() -> None:
    kept, left_out = admitted(OLD, [cell("new", "N")])
    first = snapshot(OLD, kept, left_out)
    relabelled = [Pictured(replace(kept[0].cell, label=Label.HEALTHY), "new")]
    assert first.sha256 != snapshot(OLD, relabelled, left_out).sha256
    assert first.sha256 != snapshot(OLD, [Pictured(kept[0].cell, "changed")], left_out).sha256
    assert first.sha256 == snapshot(OLD[::-1], kept, left_out).sha256


def test_the_joined_folder_reads_back_as_its_cells(drawn_dataset: Path, tmp_path: Path) -> None:
    cells = read_dataset(drawn_dataset)
    assert read_dataset(write_joined(cells, tmp_path / "data")) == [
        replace(each, path=each.path.resolve()) for each in cells
    ]


def test_the_same_pixels_in_another_file_are_the_same_picture(drawn_dataset: Path) -> None:
    old = pictured(read_dataset(drawn_dataset))
    judging = next(each for each in old if each.cell.split == "test")
    renamed = Pictured(replace(judging.cell, subject="N", leak_group="N", path=Path("n.png")), judging.digest)
    assert admitted(old, [renamed])[1] == {LeftOut.HELD_OUT: 1}
