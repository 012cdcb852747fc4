"""The folder of a backup.

    case_log.sqlite3   every table, as SQLite whatever database it comes from
    images/            the picture of every cell in it
    models/            imported bundles
    erasures.jsonl     what was erased so far, where something was
    backup.json        when it was made, of which revision
    SHA256SUMS         digest of every other file; written last, so a folder without it is no backup

`sha256sum --check SHA256SUMS` verifies it without this program.
"""

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

CASE_LOG = "case_log.sqlite3"
IMAGES = "images"
MODELS = "models"
ERASURES = "erasures.jsonl"
NOTE = "backup.json"
SUMS = "SHA256SUMS"
_CHUNK_BYTES = 1024 * 1024


class BackupRefused(ValueError):
    """A folder that is not a whole backup, or a place that one cannot go to; the text says what to do."""


class BackupNote(BaseModel):
    """What `backup.json` says. pictures: how many files `images/` has."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: int = 1
    created_at: datetime
    cases: int
    cells: int
    pictures: int
    audit_lines: int


def new_folder(folder: Path) -> None:
    """Make the folder of a backup.

    Raises:
        BackupRefused: something lies there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupRefused(f"Expected an empty folder or a new one, but something lies in {folder}.")


def copy_file(source: Path, target: Path) -> str:
    """Copy one file; the SHA-256 of the bytes that were written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as file, target.open("xb") as copy:
        return _digest(file, copy)


def seal(folder: Path, note: BackupNote) -> None:
    """Write the note and the digests of everything, after all of it is on the disk."""
    (folder / NOTE).write_text(note.model_dump_json(indent=1) + "\n", encoding="utf-8")
    lines = [f"{_digest_of(folder / name)}  {name}\n" for name in _files(folder)]
    os.sync()  # one call for a hundred thousand pictures
    scratch = folder / f"{SUMS}.part"
    with scratch.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / SUMS)
    os.sync()


def check(folder: Path) -> tuple[BackupNote, dict[str, str]]:
    """Read every byte of a backup: its note, and its files with their digests.

    Raises:
        BackupRefused: a file is missing, extra or altered, or the folder was never sealed.
    """
    listed = _listed(folder)
    present = set(_files(folder))
    if present != set(listed):
        differing = sorted(present ^ set(listed))[:5]
        raise BackupRefused(f"Expected exactly the files of {folder / SUMS}; differing: {differing}.")
    for name, digest in listed.items():
        found = _digest_of(folder / name)
        if found != digest:
            raise BackupRefused(f"Expected SHA-256 {digest} for {folder / name}, got {found}.")
    try:
        return BackupNote.model_validate_json((folder / NOTE).read_bytes()), listed
    except (OSError, ValidationError) as wrong:
        raise BackupRefused(f"{folder / NOTE} is not the note of a backup: {wrong}") from wrong


def _listed(folder: Path) -> dict[str, str]:
    try:
        text = (folder / SUMS).read_text(encoding="utf-8")
    except OSError as missing:
        raise BackupRefused(f"{folder} is no finished backup: it has no readable {SUMS}.") from missing
    pairs = [line.split("  ", 1) for line in text.splitlines()]
    listed = {pair[-1]: pair[0] for pair in pairs}
    if any(".." in Path(name).parts or Path(name).is_absolute() for name in listed):
        raise BackupRefused(f"Expected names inside {folder} in {SUMS}.")
    return listed


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise BackupRefused(f"Expected plain files, got a link at {path}.")
        if path.is_file() and path != folder / SUMS:
            yield path.relative_to(folder).as_posix()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return _digest(file)


def _digest(file: BinaryIO, copy: BinaryIO | None = None) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        if copy is not None:
            copy.write(chunk)
    return digest.hexdigest()
