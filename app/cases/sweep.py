"""Takes away what uploads left behind that died before their row: temporary files, pictures no cell refers to."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio.to_thread
import structlog

from app.cases.repository import CaseRepository
from app.database import Database
from app.errors import LeukolensError
from app.image_store import ImageStore

STALE_AFTER = timedelta(hours=1)
"""Far longer than any upload takes, so that a running one is spared."""

EVERY_S = 3600.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Swept:
    """How many files went."""

    parts: int
    pictures: int


class Sweep:
    """Runs when the server starts and once an hour; any number of servers may share one store."""

    def __init__(self, database: Database, images: ImageStore, now: Callable[[], datetime]) -> None:
        self._database = database
        self._images = images
        self._now = now
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_sweeping())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def run_once(self, stale_after: timedelta = STALE_AFTER) -> Swept:
        """Sweep everything that is older."""
        before = self._now() - stale_after
        parts = self._images.remove_parts(before)
        pictures = 0
        for digests in self._images.untouched_since(before):
            orphans = sorted(set(digests) - self._in_use(digests))
            pictures += sum(self._images.discard(digest, before) for digest in orphans)
        return Swept(parts, pictures)

    def _in_use(self, digests: list[str]) -> set[str]:
        with self._database.reading() as session:
            return CaseRepository(session).pictures_in_use(digests)

    async def _keep_sweeping(self) -> None:
        while True:
            try:
                swept = await anyio.to_thread.run_sync(self.run_once)
                log.info("swept", parts=swept.parts, pictures=swept.pictures)
            except (LeukolensError, OSError) as failure:
                log.warning("sweep_failed", reason=str(failure))
            await asyncio.sleep(EVERY_S)
