"""The list of erased cases, kept outside the case log: a backup that is put back brings erased cases back."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from app.errors import Conflict


@dataclass(frozen=True)
class Erased:
    """One erased case. It is named by its id alone, which says nothing of anybody."""

    case_id: UUID
    at: datetime


class ErasureList:
    """One JSON object a line, only ever added to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, erased: Iterable[Erased]) -> None:
        """Add lines, on the disk when this returns."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="ascii") as file:
            for entry in erased:
                file.write(json.dumps({"case_id": str(entry.case_id), "at": entry.at.isoformat()}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Erased]:
        """Every line, oldest first.

        Raises:
            Conflict: a line is none of ours.
        """
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="ascii", errors="replace").splitlines()
        return [self._parsed(number, line) for number, line in enumerate(lines, 1)]

    def _parsed(self, number: int, line: str) -> Erased:
        try:
            told = json.loads(line)
            return Erased(UUID(told["case_id"]), datetime.fromisoformat(told["at"]))
        except (ValueError, KeyError, TypeError) as broken:
            raise Conflict(
                f"Expected line {number} of {self._path} to name an erased case, got {line[:80]!r}."
            ) from broken
