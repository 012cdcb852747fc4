"""A data folder on disk: pictures named by the digest of their upload, and `index.csv` as `training.cells.layouts` reads it."""

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from app.dataset.selection import LabelledCell
from app.errors import Conflict
from app.image_store import ImageStore
from models.labels import CNMC_LABELS

INDEX = "index.csv"
PICTURES = "cells"
COLUMNS = ("file", "label", "subject", "leak_group", "official_fold", "split", "cv_fold")
_WORDS = {label: word for word, label in CNMC_LABELS.items()}


def require_new(folder: Path) -> None:
    """Make the folder; raise Conflict where something lies in it."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict(f"Expected an empty folder or a new one, but something lies in {folder}.")


def write_folder(
    folder: Path, cells: Sequence[LabelledCell], images: ImageStore, subject: Callable[[str], str]
) -> str:
    """Write the pictures, then the index; the SHA-256 of the index.

    Args:
        subject: turns a lab's own name of a person into the one that stands in the index.
    """
    (folder / PICTURES).mkdir()
    rows = []
    for cell in cells:
        file = f"{PICTURES}/{cell.image_sha256}.png"
        (folder / file).write_bytes(images.read(cell.pixels_sha256))
        person = subject(cell.subject_ref)
        rows.append((file, _WORDS[cell.label], person, person, "", "train", "-1"))
    return _write_index(folder, rows)


def remove_cells(folder: Path, images: Iterable[str]) -> int:
    """Take uploads out of a folder, by their digest: pictures and lines of the index; how many pictures it was."""
    files = {f"{PICTURES}/{digest}.png" for digest in images}
    gone = [file for file in files if (folder / file).is_file()]
    if gone and (folder / INDEX).is_file():
        with (folder / INDEX).open(newline="", encoding="utf-8") as index:
            _, *rows = csv.reader(index)
        _write_index(folder, [row for row in rows if row[0] not in files])
    for file in gone:
        (folder / file).unlink()
    return len(gone)


def _write_index(folder: Path, rows: Iterable[Sequence[str]]) -> str:
    """Whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    data = text.getvalue().encode()
    part = folder / f".{INDEX}.part"
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / INDEX)
    return hashlib.sha256(data).hexdigest()
