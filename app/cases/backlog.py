"""Scores stored cells behind the answers: new ones at once, and those that lost their worker when the lease ends."""

import structlog

from app.cases.intake import Intake
from app.cases.repository import WaitingCell
from app.cases.service import CaseService
from app.errors import LeukolensError
from app.runners import Runners

RUNNERS = 4
"""Few, so that a single upload never waits behind a case of five hundred cells."""

DEADLINE_S = 50.0
"""Below the lease, so that no cell is scored twice at the same time."""

log = structlog.get_logger()


class Backlog(Runners[WaitingCell]):
    """Empties the backlog cell by cell; `wake` tells that there is something new."""

    def __init__(self, intake: Intake) -> None:
        super().__init__(RUNNERS)
        self._intake = intake

    def take(self) -> WaitingCell | None:
        with self._intake.database.unit_of_work() as session:
            return CaseService(session, self._intake.now()).take_waiting()

    async def work(self, piece: WaitingCell) -> None:
        try:
            await self._intake.score_stored(piece.site_id, piece.cell, deadline_s=DEADLINE_S)
        except LeukolensError as failure:
            log.warning("cell_not_scored", cell=str(piece.cell.id), code=failure.code)
        except Exception:
            log.exception("cell_not_scored", cell=str(piece.cell.id))
