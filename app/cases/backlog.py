"""Scores stored cells behind the answers: new ones at once, and those that lost their worker when the lease ends."""

import asyncio

import anyio.to_thread
import structlog

from app.cases.intake import Intake
from app.cases.repository import WaitingCell
from app.cases.service import CaseService
from app.errors import LeukolensError

LOOK_EVERY_S = 5.0
AT_ONCE = 4
"""Few, so that a single upload never waits behind a case of five hundred cells."""

DEADLINE_S = 50.0
"""Below the lease, so that no cell is scored twice at the same time."""

log = structlog.get_logger()


class Backlog:
    """One task that empties the backlog; `wake` tells it that there is something new."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Look at once."""
        self._awake.set()

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            try:
                taken = await anyio.to_thread.run_sync(self._take)
                await asyncio.gather(*(self._score(waiting) for waiting in taken))
            except LeukolensError as failure:
                log.warning("backlog_paused", code=failure.code)
                taken = []
            except Exception:
                log.exception("backlog_failed")
                taken = []
            if not taken:
                await self._sleep()

    async def _sleep(self) -> None:
        try:
            await asyncio.wait_for(self._awake.wait(), LOOK_EVERY_S)
        except TimeoutError:
            return

    def _take(self) -> list[WaitingCell]:
        with self._intake.database.unit_of_work() as session:
            return CaseService(session, self._intake.now()).take_waiting(AT_ONCE)

    async def _score(self, waiting: WaitingCell) -> None:
        try:
            await self._intake.score_stored(waiting.site_id, waiting.cell, deadline_s=DEADLINE_S)
        except LeukolensError as failure:
            log.warning("cell_not_scored", cell=str(waiting.cell.id), code=failure.code)
