"""A data set of drawn cells on disk, in the layout of the shared part: malignant ones are larger."""

import csv
from pathlib import Path

from PIL import Image

from models.drawn_cells import draw_cell

COLUMNS = ("file", "label", "subject", "leak_group", "official_fold", "split", "cv_fold", "bmp_sha256")


def write_drawn_dataset(folder: Path, *, cells_per_group: int = 3) -> Path:
    """Six leak groups of each class, two in each of train, val and test; returns `folder`."""
    rows: list[dict[str, object]] = []
    for side, (label, radius) in enumerate((("all", 108.0), ("hem", 85.0))):
        (folder / label).mkdir(parents=True)
        for group in range(6):
            subject = f"{'H' if label == 'hem' else ''}{group + 1}"
            for cell in range(cells_per_group):
                file = f"{label}/UID_{subject}_{cell + 1}_1_{label}.png"
                seed = 1000 * side + 10 * group + cell
                pixels = draw_cell(seed, radius_px=radius + 3 * group)
                Image.fromarray(pixels).save(folder / file)
                split = ("train", "val", "test")[group // 2]
                values = (file, label, subject, subject, "fold_0", split, group % 2, "")
                rows.append(dict(zip(COLUMNS, values, strict=True)))
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as file_out:
        writer = csv.DictWriter(file_out, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder
