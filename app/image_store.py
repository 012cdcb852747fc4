"""Where the pixels of cells are kept: lossless PNG files named by the digest of their pixels."""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from app.errors import NotFound, shortage

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PICTURE, _PART, _ASIDE = ".png", ".part", ".aside"


class ImageStore:
    """A content-addressed folder. The same pixels are one file however often they are uploaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, pixels_sha256: str, png: bytes) -> None:
        """Store a picture; when this returns, it survives a power cut.

        Order: file fsync, rename, directory fsync. Without the last one the name may be gone although the
        bytes are there.

        Raises:
            StorageFull, StorageUnavailable: nothing is left behind.
        """
        path = self._path(pixels_sha256)
        try:
            if not _touch(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_durably(path, png)
            for folder in (path.parent, path.parent.parent, self._folder):
                _sync_folder(folder)
        except OSError as failure:
            raise shortage(failure) or failure from failure

    def read(self, pixels_sha256: str) -> bytes:
        """The PNG file of a picture."""
        try:
            return self._path(pixels_sha256).read_bytes()
        except FileNotFoundError as missing:
            raise NotFound("The picture of this cell is not in the image store.") from missing

    def untouched_since(self, moment: datetime) -> Iterator[list[str]]:
        """Digests of pictures that no upload has written or counted on since then, some at a time."""
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            for aside in folder.rglob(f"*{_ASIDE}"):  # a sweep died between its two steps
                aside.replace(aside.with_suffix(_PICTURE))
            yield [path.stem for path in folder.rglob(f"*{_PICTURE}") if _modified_before(path, moment)]

    def discard(self, pixels_sha256: str, untouched_since: datetime) -> bool:
        """Remove a picture that no cell refers to; whether it went.

        It is set aside before its age is asked: an upload of the same pixels that came earlier has touched it,
        one that comes later does not find it and writes it anew. Neither loses its picture.
        """
        path = self._path(pixels_sha256)
        aside = path.with_suffix(_ASIDE)
        with contextlib.suppress(FileNotFoundError):  # another sweep was quicker
            path.rename(aside)
            if not _modified_before(aside, untouched_since):
                aside.replace(path)
                return False
            aside.unlink()
            return True
        return False

    def remove_parts(self, begun_before: datetime) -> int:
        """Remove what uploads that died were writing; how many files it was."""
        stale = [path for path in self._folder.rglob(f".*{_PART}") if _modified_before(path, begun_before)]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _path(self, pixels_sha256: str) -> Path:
        return picture_path(self._folder, pixels_sha256)


def picture_path(folder: Path, pixels_sha256: str) -> Path:
    """Where a store keeps a picture."""
    if not _DIGEST.fullmatch(pixels_sha256):
        raise ValueError(f"Expected a SHA-256 in hex, got {pixels_sha256!r}.")
    return folder / pixels_sha256[:2] / pixels_sha256[2:4] / f"{pixels_sha256}{_PICTURE}"


def _touch(path: Path) -> bool:
    """Say to the sweep that somebody counts on a picture; False where there is none."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _modified_before(path: Path, moment: datetime) -> bool:
    try:
        return path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:
        return False


def _write_durably(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_PART}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
