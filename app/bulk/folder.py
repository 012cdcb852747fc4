"""Which files below a folder are cell images."""

import os
from collections.abc import Iterator
from pathlib import Path

from app.errors import BadRequest

IMAGE_SUFFIXES = frozenset((".bmp", ".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg"))
"""What counts as an image before a byte is read; whether it is one, its content decides."""


def image_names(folder: Path) -> Iterator[str]:
    """Paths of image files relative to the folder, with `/`, sorted part by part.

    Hidden files and folders are left out (macOS puts `._cell.bmp` beside `cell.bmp`), linked folders too.
    Holds one folder's names at a time.

    Raises:
        BadRequest: a folder cannot be listed.
    """
    return _names(folder, "")


def _names(folder: Path, prefix: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as closed:
        raise BadRequest(f"Expected a folder that can be listed: {folder}: {closed.strerror}.") from closed
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _names(folder / entry.name, f"{prefix}{entry.name}/")
        elif Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and entry.is_file():
            yield prefix + entry.name
