"""The CSV file that bulk scoring writes: appended row by row, whole after any crash, one model's answers only."""

import csv
import errno
import fcntl
import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from app.classify import Answer
from app.errors import BadRequest, Conflict, StorageFull
from app.inference.scorer import ModelRef
from app.spreadsheet import neutral

COLUMNS = (
    "file",
    "label",
    "p_malignant",
    "p_healthy",
    "reasons",
    "error_code",
    "error_detail",
    "image_sha256",
    "model_name",
    "model_version",
    "model_sha256",
)
SYNC_EVERY_S = 2.0
LONGEST_ROW_BYTES = 64 * 1024

Row = dict[str, str]
"""One file's answer by column, as text."""


def row_of(image_sha256: str, answer: Answer, model: ModelRef) -> Row:
    """An answer as a row; probabilities keep every digit."""
    p, error = answer["probabilities"], answer["error"]
    return {
        "file": answer["file"],
        "label": answer["label"] or "",
        "p_malignant": repr(p["malignant"]) if p else "",
        "p_healthy": repr(p["healthy"]) if p else "",
        "reasons": " ".join(answer["reasons"]),
        "error_code": error["code"] if error else "",
        "error_detail": error["detail"] if error else "",
        "image_sha256": image_sha256,
        "model_name": model.name,
        "model_version": model.version,
        "model_sha256": model.sha256,
    }


class AnswerFile:
    """An answer file open for more rows. kept: how many it had. repaired: whether a torn end was cut off."""

    def __init__(self, file: FileIO, path: Path, model: ModelRef) -> None:
        self._file = file
        self._path = path
        self._done: set[str] = set()
        self._end = self._read(model)
        self._synced_at = time.monotonic()
        self.kept = len(self._done)
        self.repaired = self._end < path.stat().st_size
        self.cut_torn_end()
        if self._end == 0:
            self._write(COLUMNS)

    def has(self, name: str) -> bool:
        """Whether a file's row is there already."""
        return neutral(name) in self._done

    def add(self, row: Row) -> None:
        """Append a row. It is with the operating system at once and on the disk every two seconds.

        Raises:
            StorageFull: the disk is full; the whole rows stay.
        """
        self._write([neutral(row[column]) for column in COLUMNS])
        if time.monotonic() - self._synced_at >= SYNC_EVERY_S:
            self.sync()

    def cut_torn_end(self) -> None:
        """Cut off what follows the last whole row."""
        self._file.truncate(self._end)
        self._file.seek(self._end)

    def sync(self) -> None:
        """Bring the rows to the disk."""
        os.fsync(self._file.fileno())
        self._synced_at = time.monotonic()

    def _read(self, model: ModelRef) -> int:
        """Remember the rows that are there; the length in bytes of the part made of whole rows."""
        records = _whole_records(self._path)
        end, header = next(records, (0, None))
        if header is None:
            torn = self._path.read_bytes()[: len(_line(COLUMNS))]
            if not _line(COLUMNS).startswith(torn):
                raise self._foreign()
            return 0
        if header != list(COLUMNS):
            raise self._foreign()
        for row_end, cells in records:
            if len(cells) != len(COLUMNS):
                break
            self._take(dict(zip(COLUMNS, cells, strict=True)), model)
            end = row_end
        return end

    def _take(self, row: Row, model: ModelRef) -> None:
        if row["model_sha256"] != model.sha256:
            raise Conflict(
                f"{self._path} holds answers of {row['model_name']}/{row['model_version']} "
                f"(sha256 {row['model_sha256'][:12]}), not of {model.name}/{model.version} "
                f"(sha256 {model.sha256[:12]}); choose another --out."
            )
        self._done.add(row["file"])

    def _foreign(self) -> Conflict:
        return Conflict(f"{self._path} was not written by `leukolens score`; choose another --out.")

    def _write(self, cells: Sequence[str]) -> None:
        line = _line(cells)
        try:
            written = self._file.write(line)
        except OSError as failed:
            self.cut_torn_end()
            raise _refusal(failed, self._path) from failed
        if written != len(line):
            self.cut_torn_end()
            raise StorageFull(f"The disk of {self._path} is full; make room and run the command again.")
        self._end += len(line)


@contextmanager
def open_answer_file(path: Path, model: ModelRef) -> Iterator[AnswerFile]:
    """Open or make an answer file; on leaving, however that comes, it is whole and on the disk.

    Raises:
        Conflict: it is another kind of file, another model's, or another run is writing it.
        BadRequest: it cannot be opened. StorageFull.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as closed:
        raise _refusal(closed, path) from closed
    # No buffer: what a full disk refused must not be written a second time on closing.
    with FileIO(handle, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise Conflict(f"Another run is writing {path}.") from taken
        answers = AnswerFile(file, path, model)
        try:
            yield answers
        finally:
            # An interrupt may come between the bytes of a row and the note of its end.
            answers.cut_torn_end()
            answers.sync()
            _sync_folder(path.parent)


def _whole_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(end in bytes, cells) of every whole record from the start, up to the first that is not whole."""
    end, record = 0, b""
    with path.open("rb") as lines:
        while (line := lines.readline(LONGEST_ROW_BYTES)) and len(record) <= LONGEST_ROW_BYTES:
            record += line
            if record.count(b'"') % 2 or not line.endswith(b"\n"):
                continue  # a line break inside quotes belongs to the cell
            try:
                (cells,) = csv.reader([record.decode("utf-8", "surrogateescape")], strict=True)
            except (csv.Error, ValueError):
                return
            end, record = end + len(record), b""
            yield end, cells


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    # File names that are no UTF-8 come back as they were.
    return text.getvalue().encode("utf-8", "surrogateescape")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refusal(failed: OSError, path: Path) -> BadRequest | StorageFull:
    if failed.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"The disk of {path} is full; make room and run the command again.")
    return BadRequest(f"Expected a file that can be written, got {path}: {failed.strerror}.")
