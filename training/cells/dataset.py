"""The labelled cells of a data set: which file, which class, whose."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from models.decoding import SIDE_PX, decode_cell
from models.labels import Label
from models.measurements import ImageArray, foreground_mask
from training.cells.layouts import DatasetError, ListedCell, list_cells

LARGE_SIDE_PX = 600
"""Side of some pictures of the final test set."""


@dataclass(frozen=True)
class LabelledCell:
    """One cell of a data set.

    path: its image. leak_group: the person, people who share an identical image merged. split: `train`, `val`
    or `test`, cv_fold: 0 to 4, official_fold: 0 to 2; `""` and -1 where the data set states none.
    """

    path: Path
    label: Label
    subject: str
    leak_group: str
    split: str = ""
    cv_fold: int = -1
    official_fold: int = -1


def read_dataset(folder: Path) -> list[LabelledCell]:
    """All labelled cells of a data set folder, sorted by file name; see `training.cells.layouts`.

    Raises:
        DatasetError: no known layout, or a listed picture is not there.
    """
    listed = list_cells(folder)
    missing = [cell.path for cell in listed if not cell.path.is_file()]
    if missing:
        raise DatasetError(
            f"Expected every listed picture in {folder}, {len(missing)} are missing, {missing[0].name} first."
        )
    groups = {} if all(cell.leak_group for cell in listed) else _groups_by_pixels(listed)
    return [
        LabelledCell(
            cell.path,
            cell.label,
            cell.subject,
            cell.leak_group or groups[cell.subject],
            cell.split,
            cell.cv_fold,
            cell.official_fold,
        )
        for cell in listed
    ]


def read_pixels(cell: LabelledCell) -> ImageArray:
    """The cell's picture, through the decoder that the service uses. (450, 450, 3) uint8 RGB."""
    return read_picture(cell.path)


def read_picture(path: Path) -> ImageArray:
    """(450, 450, 3) uint8 RGB; a picture of 600 x 600 loses its black border, never a part of its cell.

    Raises:
        DatasetError: the cell of a large picture reaches into the border. ImageRefused: as in serving.
    """
    data = path.read_bytes()
    with Image.open(path) as image:
        if image.size == (LARGE_SIDE_PX, LARGE_SIDE_PX):
            data = _without_border(path, np.asarray(image.convert("RGB")))
    return decode_cell(data).pixels


def _without_border(path: Path, pixels: ImageArray) -> bytes:
    border = (LARGE_SIDE_PX - SIDE_PX) // 2
    middle = pixels[border:-border, border:-border]
    if foreground_mask(pixels).sum() != foreground_mask(middle).sum():
        raise DatasetError(
            f"Expected the cell of {path.name} within the middle {SIDE_PX} px of {LARGE_SIDE_PX} px, it reaches beyond."
        )
    file = BytesIO()
    Image.fromarray(middle).save(file, "BMP")
    return file.getvalue()


def _groups_by_pixels(listed: list[ListedCell]) -> dict[str, str]:
    return leak_groups([(cell.subject, pixel_digest(cell.path)) for cell in listed])


def pixel_digest(path: Path) -> str:
    """SHA-256 of the decoded pixels: equal for the same picture in different containers."""
    return hashlib.sha256(read_picture(path).tobytes()).hexdigest()


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
