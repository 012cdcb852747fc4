"""A data set of drawn cells on disk, in the layout of the shared part: malignant ones are larger."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from models.drawn_cells import draw_cell

RADIUS_PX = {"all": 108.0, "hem": 85.0}
COLUMNS = ("file", "label", "subject", "leak_group", "official_fold", "split", "cv_fold", "bmp_sha256")


def write_drawn_dataset(folder: Path, *, cells_per_group: int = 3) -> Path:
    """Six leak groups of each class, two in each of train, val and test; returns `folder`."""
    rows: list[tuple[object, ...]] = []
    for side, (label, radius) in enumerate(RADIUS_PX.items()):
        for group in range(6):
            subject = f"{'H' if label == 'hem' else ''}{group + 1}"
            for cell in range(cells_per_group):
                file = f"{label}/UID_{subject}_{cell + 1}_1_{label}.png"
                _draw(folder / file, 1000 * side + 10 * group + cell, radius + 3 * group)
                split = ("train", "val", "test")[group // 2]
                rows.append((file, label, subject, subject, "fold_0", split, group % 2, ""))
    return _write_index(folder, rows)


def write_new_cells(folder: Path, *, people: int, cells_per_person: int) -> Path:
    """Cells of other people, half of them of each class; returns `folder`."""
    rows: list[tuple[object, ...]] = []
    for person in range(people):
        label = ("all", "hem")[person % 2]
        for cell in range(cells_per_person):
            file = f"cells/N{person}_{cell}.png"
            _draw(folder / file, 5000 + 100 * person + cell, RADIUS_PX[label] + 2 * person)
            rows.append((file, label, f"N{person}", f"N{person}", "", "train", -1, ""))
    return _write_index(folder, rows)


def write_flipped(cells: Path, folder: Path, *, share: float) -> Path:
    """The same pictures, a share of the malignant ones under healthy, drawn at random; returns `folder`."""
    random = np.random.default_rng(5)
    with (cells / "index.csv").open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    folder.mkdir()
    return _write_index(
        folder,
        [
            (cells / name, "hem" if label == "all" and random.random() < share else label, *rest)
            for name, label, *rest in rows
        ],
    )


def _draw(path: Path, seed: int, radius_px: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_cell(seed, radius_px=radius_px)).save(path)


def _write_index(folder: Path, rows: list[tuple[object, ...]]) -> Path:
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return folder
