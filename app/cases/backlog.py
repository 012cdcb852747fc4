"""Scores stored cells behind the answers: new ones at once, and those that lost their worker when the lease ends."""

import asyncio

import anyio.to_thread
import structlog

from app.cases.intake import Intake
from app.cases.repository import WaitingCell
from app.cases.service import CaseService
from app.errors import LeukolensError

LOOK_EVERY_S = 5.0
RUNNERS = 4
"""Few, so that a single upload never waits behind a case of five hundred cells."""

DEADLINE_S = 50.0
"""Below the lease, so that no cell is scored twice at the same time."""

log = structlog.get_logger()


class Backlog:
    """A few runners that empty the backlog cell by cell; `wake` tells them that there is something new."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._awake = asyncio.Event()
        self._runners: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._runners = [asyncio.create_task(self._run()) for _ in range(RUNNERS)]

    async def stop(self) -> None:
        for runner in self._runners:
            runner.cancel()
        await asyncio.gather(*self._runners, return_exceptions=True)

    def wake(self) -> None:
        """Look at once."""
        self._awake.set()

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            try:
                waiting = await anyio.to_thread.run_sync(self._take)
            except LeukolensError as failure:
                log.warning("backlog_paused", code=failure.code)
                waiting = None
            except Exception:
                log.exception("backlog_failed")
                waiting = None
            if waiting is None:
                await self._sleep()
                continue
            self._awake.set()  # there may be more: the others look, too
            await self._score(waiting)

    async def _sleep(self) -> None:
        try:
            await asyncio.wait_for(self._awake.wait(), LOOK_EVERY_S)
        except TimeoutError:
            return

    def _take(self) -> WaitingCell | None:
        with self._intake.database.unit_of_work() as session:
            return CaseService(session, self._intake.now()).take_waiting()

    async def _score(self, waiting: WaitingCell) -> None:
        try:
            await self._intake.score_stored(waiting.site_id, waiting.cell, deadline_s=DEADLINE_S)
        except LeukolensError as failure:
            log.warning("cell_not_scored", cell=str(waiting.cell.id), code=failure.code)
        except Exception:
            log.exception("cell_not_scored", cell=str(waiting.cell.id))
