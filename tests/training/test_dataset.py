import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.labels import Label
from training.cells.dataset import leak_groups, read_dataset, read_picture, read_pixels
from training.cells.layouts import DatasetError, list_unlabelled

SHARED = Path(os.environ.get("LEUKOLENS_TEST_DATA", Path(__file__).parents[3] / "shared/data/cnmc2019"))


def _segmented(seed: int) -> np.ndarray:
    pixels = np.zeros((450, 450, 3), np.uint8)
    pixels[150:300, 150:300] = np.random.default_rng(seed).integers(60, 200, (150, 150, 3))
    return pixels


def test_the_index_gives_class_group_split_and_fold(drawn_dataset: Path) -> None:
    cells = read_dataset(drawn_dataset)
    first = cells[0]
    assert len(cells) == 24
    assert (first.path.name, first.label, first.leak_group) == ("UID_1_1_1_all.png", Label.MALIGNANT, "1")
    assert (first.split, first.cv_fold) == ("train", 0)
    assert read_pixels(first).shape == (450, 450, 3)


def test_an_index_needs_file_subject_and_a_label_it_knows(tmp_path: Path) -> None:
    for name, seed in (("a.png", 1), ("b.png", 2)):
        Image.fromarray(_segmented(seed)).save(tmp_path / name)
    index = tmp_path / "index.csv"
    index.write_text("file,label,subject\na.png,malignant,S1\nb.png,hem,S2\n")
    found = [(cell.label, cell.leak_group, cell.split, cell.cv_fold) for cell in read_dataset(tmp_path)]
    assert found == [(Label.MALIGNANT, "S1", "", -1), (Label.HEALTHY, "S2", "", -1)]
    index.write_text("file,label,subject\na.png,sick,S1\n")
    with pytest.raises(DatasetError, match="sick"):
        read_dataset(tmp_path)


def test_the_folders_of_the_full_set_are_read_with_leak_groups_by_pixels(tmp_path: Path) -> None:
    files = {
        "fold_0/all/UID_1_1_1_all.bmp": 1,
        "fold_0/hem/UID_H1_1_1_hem.bmp": 2,
        "fold_1/hem/UID_h3_1_1_hem.bmp": 3,
        "fold_2/hem/UID_H10_9_1_hem.bmp": 3,
    }
    for name, seed in files.items():
        path = tmp_path / "C-NMC_Leukemia" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(_segmented(seed)).save(path)
    found = {cell.subject: (cell.label, cell.leak_group) for cell in read_dataset(tmp_path)}
    assert found == {
        "1": (Label.MALIGNANT, "1"),
        "H1": (Label.HEALTHY, "H1"),
        "H10": (Label.HEALTHY, "H10"),
        "H3": (Label.HEALTHY, "H10"),
    }


def test_sharing_an_image_is_transitive() -> None:
    images = [("a", "x"), ("b", "x"), ("b", "y"), ("c", "y"), ("d", "z")]
    assert leak_groups(images) == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_an_empty_folder_is_refused_with_the_layouts_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"index\.csv, fold_.* or a CSV"):
        read_dataset(tmp_path)


@pytest.mark.real_data
def test_the_shared_part_has_5433_cells_of_43_leak_groups() -> None:
    if not (SHARED / "index.csv").is_file():
        pytest.skip(f"the C-NMC 2019 part is not at {SHARED}")
    cells = read_dataset(SHARED)
    assert (len(cells), len({cell.leak_group for cell in cells})) == (5433, 43)


def test_the_preliminary_set_is_read_through_its_table(tmp_path: Path) -> None:
    rows = ["Patient_ID,new_names,labels", "UID_57_29_1_all.bmp,1.bmp,1", "UID_h3_9_2_hem.bmp,2.bmp,0"]
    (tmp_path / "C-NMC_test_prelim_phase_data_labels.csv").write_text("\n".join(rows))
    for number in (1, 2):
        Image.fromarray(_segmented(number)).save(tmp_path / f"{number}.bmp")
    found = [(cell.path.name, cell.label, cell.subject) for cell in read_dataset(tmp_path)]
    assert found == [("1.bmp", Label.MALIGNANT, "57"), ("2.bmp", Label.HEALTHY, "H3")]


def test_the_final_set_is_listed_by_number_and_loses_only_black_border(tmp_path: Path) -> None:
    large = np.zeros((600, 600, 3), np.uint8)
    large[75:-75, 75:-75] = _segmented(1)
    for number in (2, 10):
        Image.fromarray(large).save(tmp_path / f"{number}.bmp")
    assert [path.name for path in list_unlabelled(tmp_path)] == ["2.bmp", "10.bmp"]
    assert (read_picture(tmp_path / "2.bmp") == _segmented(1)).all()
    large[10:20, 10:20] = 100
    Image.fromarray(large).save(tmp_path / "2.bmp")
    with pytest.raises(DatasetError, match="reaches beyond"):
        read_picture(tmp_path / "2.bmp")


def test_a_label_that_is_neither_0_nor_1_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("Patient_ID,new_names,labels\nUID_57_29_1_all.bmp,1.bmp,2\n")
    with pytest.raises(DatasetError, match=r"1\.bmp .* got '2'"):
        read_dataset(tmp_path)
