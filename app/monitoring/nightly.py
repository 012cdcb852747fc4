"""The nightly summary: each site once a day (UTC), behind the answers of the web process."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import anyio.to_thread

from app.database import Database
from app.monitoring.service import MonitoringService
from app.runners import Runners

LOOK_EVERY_S = 600.0


class NightlySummary(Runners[UUID]):
    """Summarises every site that has no summary of today yet; a server that was off at midnight does it when it starts."""

    def __init__(self, database: Database, stores: Sequence[Path], now: Callable[[], datetime]) -> None:
        super().__init__(count=1, look_every_s=LOOK_EVERY_S)
        self._database = database
        self._stores = stores
        self._now = now

    def take(self) -> UUID | None:
        with self._database.reading() as session:
            return MonitoringService(session, self._stores, self._now()).next_due()

    async def work(self, piece: UUID) -> None:
        await anyio.to_thread.run_sync(self._summarise, piece)

    def _summarise(self, site_id: UUID) -> None:
        with self._database.unit_of_work() as session:
            MonitoringService(session, self._stores, self._now()).summarise(site_id)
