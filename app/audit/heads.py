"""Heads of the audit trail, told every minute to a file beside the case log and to the server's log.

The file is only added to. Whoever can change the database and this file can still not change the log where it was
sent to: compare `audit_head` there.
"""

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import anyio.to_thread
import structlog

from app.audit.chain import Head
from app.audit.repository import AuditRepository
from app.database import Database
from app.errors import Conflict
from app.runners import Runners

EXPORT_EVERY_S = 60.0

log = structlog.get_logger()


class HeadFile:
    """`audit/heads.jsonl` of a data folder; a folder of its own, so that it can lie on another disk."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "audit" / "heads.jsonl"

    def append(self, head: Head) -> None:
        """Add a line, on the disk when this returns."""
        at = head.exported_at.isoformat()
        line = json.dumps({"number": head.number, "digest": head.digest, "exported_at": at})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="ascii") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Head]:
        """Every head exported so far, oldest first.

        Raises:
            Conflict: a line is no head.
        """
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [self._parsed(number, line) for number, line in enumerate(lines, 1) if line]

    def _parsed(self, number: int, line: str) -> Head:
        try:
            told = json.loads(line)
            return Head(int(told["number"]), told["digest"], datetime.fromisoformat(told["exported_at"]))
        except (ValueError, KeyError, TypeError) as broken:
            raise Conflict(
                f"Expected line {number} of {self._path} to be an exported head, got {line[:80]!r}. It was "
                "changed or half written; compare it with `audit_head` in the log before taking it out."
            ) from broken


class HeadExport(Runners[Head]):
    """Tells the newest line whenever it is another one than a minute ago."""

    def __init__(self, database: Database, file: HeadFile, now: Callable[[], datetime]) -> None:
        super().__init__(count=1, look_every_s=EXPORT_EVERY_S)
        self._database = database
        self._file = file
        self._now = now
        self._told: str | None = None

    def take(self) -> Head | None:
        head = newest_head(self._database, self._now())
        return head if head is not None and head.digest != self._told else None

    async def work(self, piece: Head) -> None:
        await anyio.to_thread.run_sync(self._tell, piece)

    async def stop(self) -> None:
        """The last line before the end is told, too."""
        await super().stop()
        head = await self._look()
        if head is not None:
            await self.work(head)

    def _tell(self, head: Head) -> None:
        self._file.append(head)
        log.info("audit_head", number=head.number, digest=head.digest)
        self._told = head.digest


def newest_head(database: Database, now: datetime) -> Head | None:
    """The newest line as a head, None while the trail is empty."""
    with database.reading() as session:
        newest = AuditRepository(session).newest()
        return None if newest is None else Head(newest.number, newest.digest, now)
