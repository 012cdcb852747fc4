"""Where the pixels of cells are kept: lossless PNG files named by the digest of their pixels."""

import contextlib
import errno
import os
import re
import secrets
from pathlib import Path

from app.errors import NotFound, StorageFull

_DIGEST = re.compile(r"[0-9a-f]{64}")


class ImageStore:
    """A content-addressed folder. The same pixels are one file however often they are uploaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, pixels_sha256: str, png: bytes) -> None:
        """Store a picture; when this returns, it survives a power cut.

        Order: file fsync, rename, directory fsync. Without the last one the name may be gone although the
        bytes are there.

        Raises:
            StorageFull: no space; nothing is left behind.
        """
        path = self._path(pixels_sha256)
        try:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_durably(path, png)
            for folder in (path.parent, path.parent.parent, self._folder):
                _sync_folder(folder)
        except OSError as failure:
            if failure.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull("The image store has no room left; nothing was stored.") from failure
            raise

    def read(self, pixels_sha256: str) -> bytes:
        """The PNG file of a picture."""
        try:
            return self._path(pixels_sha256).read_bytes()
        except FileNotFoundError as missing:
            raise NotFound("The picture of this cell is not in the image store.") from missing

    def _path(self, pixels_sha256: str) -> Path:
        if not _DIGEST.fullmatch(pixels_sha256):
            raise ValueError(f"Expected a SHA-256 in hex, got {pixels_sha256!r}.")
        return self._folder / pixels_sha256[:2] / pixels_sha256[2:4] / f"{pixels_sha256}.png"


def _write_durably(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
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
