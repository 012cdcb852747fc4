"""The labelled cells on disk: which file, which class, whose.

Two layouts are read: `index.csv` with its frozen splits (the part in ../shared), and the folders of the full
C-NMC 2019 training set as TCIA and Kaggle ship them, `fold_*/{all,hem}/UID_*.bmp`.
"""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from models.decoding import decode_cell
from models.labels import CNMC_LABELS, Label
from models.measurements import ImageArray


class DatasetError(ValueError):
    """A data set folder that cannot be used; the message says what was expected and what came."""


@dataclass(frozen=True)
class LabelledCell:
    """One cell of a data set.

    path: its image. leak_group: the person, people who share an identical image merged. split: `train`, `val`
    or `test`, cv_fold: 0 to 4; both empty (`""`, -1) where the data set states none.
    """

    path: Path
    label: Label
    subject: str
    leak_group: str
    split: str = ""
    cv_fold: int = -1


def read_dataset(folder: Path) -> list[LabelledCell]:
    """All cells of a data set folder, sorted by file name.

    Raises:
        DatasetError: when the folder has neither an `index.csv` nor `fold_*/{all,hem}` folders with images.
    """
    cells = _read_index(folder) if (folder / "index.csv").is_file() else _read_folders(folder)
    if not cells:
        raise DatasetError(
            f"Expected index.csv or fold_*/{{all,hem}}/UID_*.bmp in {folder}, found no labelled cell."
        )
    return sorted(cells, key=lambda cell: cell.path.name)


def read_pixels(cell: LabelledCell) -> ImageArray:
    """The cell's picture, through the decoder that the service uses. (450, 450, 3) uint8 RGB."""
    return decode_cell(cell.path.read_bytes()).pixels


def _read_index(folder: Path) -> list[LabelledCell]:
    with (folder / "index.csv").open(newline="", encoding="utf-8") as file:
        return [
            LabelledCell(
                path=folder / row["file"],
                label=CNMC_LABELS[row["label"]],
                subject=row["subject"],
                leak_group=row["leak_group"],
                split=row["split"],
                cv_fold=int(row["cv_fold"]),
            )
            for row in csv.DictReader(file)
        ]


def _read_folders(folder: Path) -> list[LabelledCell]:
    found: list[tuple[Path, Label, str]] = []
    for path in sorted(folder.glob("**/fold_*/*/UID_*.bmp")):
        label = CNMC_LABELS.get(path.parent.name)
        if label is not None:
            # One subject is spelt `h3` in file names; `1` and `H1` stay different people.
            found.append((path, label, path.stem.split("_")[1].upper()))
    groups = leak_groups([(subject, pixel_digest(path)) for path, _, subject in found])
    return [LabelledCell(path, label, subject, groups[subject]) for path, label, subject in found]


def pixel_digest(path: Path) -> str:
    """SHA-256 of the decoded pixels: equal for the same picture in different containers."""
    return hashlib.sha256(decode_cell(path.read_bytes()).pixels.tobytes()).hexdigest()


def leak_groups(images: list[tuple[str, str]]) -> dict[str, str]:
    """Merge subjects who share an image.

    Args:
        images: (subject, digest of the picture) for every image.

    Returns:
        Subject -> name of its group, the smallest subject name in it. Sharing is transitive.
    """
    parent = {subject: subject for subject, _ in images}

    def root(subject: str) -> str:
        while parent[subject] != subject:
            subject = parent[subject]
        return subject

    first_owner: dict[str, str] = {}
    for subject, digest in images:
        one, other = sorted((root(subject), root(first_owner.setdefault(digest, subject))))
        parent[other] = one
    return {subject: root(subject) for subject in parent}
