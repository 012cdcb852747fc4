"""A zip of cell images, read inside a decoder process; nothing of it is unpacked to a disk.

These functions run on hostile bytes, so they run in child processes only (`decoder_pool`). Outside, an archive is
bytes, of which a member is cut by the numbers that came from here.
"""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from models.decoding import MAX_IMAGE_BYTES
from models.refusals import ImageRefused, RefusalCode

MAX_MEMBERS = 1000
MAX_RATIO = 200
"""A picture of one cell on black shrinks 50 times at most; a bomb a thousand times and more."""

_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<26xHH")
"""Lengths of the name and of the extra field, at the end of a member's own header."""


@dataclass(frozen=True)
class ArchiveMember:
    """One file of an archive. index: its place in the archive's directory; name: as it stands there.

    start, packed: where its bytes lie in the archive. size, crc: what the directory says of them unpacked.
    """

    index: int
    name: str
    start: int
    packed: int
    size: int
    crc: int
    method: int
    encrypted: bool

    def cut(self, archive: bytes) -> bytes:
        """Its packed bytes."""
        return archive[self.start : self.start + self.packed]


@dataclass(frozen=True)
class Archive:
    """What may hold pictures, in the archive's order; ignored: how many other entries there are."""

    members: tuple[ArchiveMember, ...]
    ignored: int


def list_archive(data: bytes) -> Archive:
    """What is in an archive. Folders, hidden files, archives inside, and names that climb out of it are ignored.

    Raises:
        ImageRefused: it is no zip, or holds more than `MAX_MEMBERS` entries.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as broken:
        raise ImageRefused(
            RefusalCode.UNSUPPORTED_MEDIA_TYPE, "Expected a zip archive, got another file."
        ) from broken
    if len(entries) > MAX_MEMBERS:
        raise ImageRefused(
            RefusalCode.PAYLOAD_TOO_LARGE,
            f"Expected at most {MAX_MEMBERS} files in an archive, got {len(entries)}. Send it in parts.",
        )
    members = tuple(
        _member(data, index, entry)
        for index, entry in enumerate(entries)
        if not entry.is_dir() and _is_plain(entry.filename)
    )
    return Archive(members, len(entries) - len(members))


def unpack_member(member: ArchiveMember, packed: bytes) -> bytes:
    """The bytes of one file.

    Raises:
        ImageRefused: it cannot be unpacked, or is too large for a picture.
    """
    _refuse_bomb(member.size, member.packed)
    if member.encrypted or member.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _unreadable()
    try:
        # One byte more than allowed: the directory may lie about the size.
        data = packed if member.method == zipfile.ZIP_STORED else _inflated(packed, MAX_IMAGE_BYTES + 1)
    except zlib.error as broken:
        raise _unreadable() from broken
    _refuse_bomb(len(data), member.packed)
    if zlib.crc32(data) != member.crc:
        raise _unreadable()
    return data


def _member(data: bytes, index: int, entry: zipfile.ZipInfo) -> ArchiveMember:
    header = data[entry.header_offset : entry.header_offset + _LOCAL_HEADER.size].ljust(_LOCAL_HEADER.size)
    name_length, extra_length = _LOCAL_HEADER.unpack(header)
    return ArchiveMember(
        index=index,
        name=entry.filename,
        start=entry.header_offset + _LOCAL_HEADER.size + name_length + extra_length,
        packed=entry.compress_size,
        size=entry.file_size,
        crc=entry.CRC,
        method=entry.compress_type,
        encrypted=bool(entry.flag_bits & _ENCRYPTED),
    )


def _inflated(packed: bytes, most: int) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)


def _refuse_bomb(size: int, packed: int) -> None:
    """Raise ImageRefused for what no picture of a cell unpacks to, in bytes."""
    if size > MAX_IMAGE_BYTES or size > MAX_RATIO * max(packed, 1):
        raise ImageRefused(
            RefusalCode.PAYLOAD_TOO_LARGE,
            f"Expected at most {MAX_IMAGE_BYTES:,} bytes, packed at most {MAX_RATIO} times, got {size:,} packed "
            f"into {packed:,}.",
        )


def _unreadable() -> ImageRefused:
    return ImageRefused(
        RefusalCode.IMAGE_UNREADABLE, "The file could not be unpacked: it is damaged or has a password."
    )


def _is_plain(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    climbs = name.startswith(("/", "\\")) or ".." in parts or ":" in name
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return bool(parts) and not climbs and not hidden and not name.lower().endswith((".zip", ".db", ".ini"))
