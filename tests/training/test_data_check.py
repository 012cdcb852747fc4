import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from models.drawn_cells import draw_cell
from models.labels import Label
from training.__main__ import app
from training.cells.data_check import check_data


def _save(folder: Path, name: str, seed: int) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_cell(seed)).save(path)


def _folder_with_faults(folder: Path) -> Path:
    _save(folder, "fold_0/all/UID_1_1_1_all.bmp", 1)
    _save(folder, "fold_0/all/UID_2_1_1_hem.bmp", 2)
    _save(folder, "fold_0/all/UID_3_1_1_all.bmp", 3)
    _save(folder, "fold_1/hem/UID_H1_1_1_hem.bmp", 3)
    _save(folder, "fold_1/hem/UID_h3_1_1_hem.bmp", 4)
    _save(folder, "fold_2/hem/UID_H4_1_1_hem.bmp", 4)
    Image.fromarray(np.zeros((300, 300, 3), np.uint8)).save(folder / "fold_2/hem/UID_H5_1_1_hem.bmp")
    (folder / "fold_2/hem/UID_H6_1_1_hem.bmp").write_bytes(b"no picture")
    return folder


def test_every_fault_of_a_folder_is_named_with_its_file(tmp_path: Path) -> None:
    report = check_data(_folder_with_faults(tmp_path))
    assert report.errors == {
        "class in the name is not the stated one": ["UID_2_1_1_hem.bmp"],
        "one picture under both classes": ["UID_3_1_1_all.bmp = UID_H1_1_1_hem.bmp"],
        "refused: image_wrong_size": ["UID_H5_1_1_hem.bmp"],
        "not a readable picture of 450 or 600 px": ["UID_H6_1_1_hem.bmp"],
    }
    assert report.notes["subject spelt in lower case, read as upper case"] == ["UID_h3_1_1_hem.bmp"]
    assert report.notes["subjects merged with another, they share a picture or a stated group"] == [
        "H1 -> 3",
        "H4 -> H3",
    ]
    assert report.cells == {Label.MALIGNANT: 3, Label.HEALTHY: 5}
    assert not report.usable


def test_a_whole_folder_passes_and_a_faulty_one_ends_with_1(drawn_dataset: Path, tmp_path: Path) -> None:
    whole = CliRunner().invoke(app, ["check", "--data", str(drawn_dataset)])
    faulty = CliRunner().invoke(app, ["check", "--data", str(_folder_with_faults(tmp_path / "faulty"))])
    assert (whole.exit_code, faulty.exit_code) == (0, 1)
    assert "12 leak groups" in whole.output
    assert "one picture under both classes (1)" in faulty.output


def test_a_listed_picture_that_is_missing_is_named(drawn_dataset: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(drawn_dataset, tmp_path / "cells")
    gone = next(folder.glob("all/*.png"))
    gone.unlink()
    assert check_data(folder).errors == {"listed, but missing": [gone.name]}
