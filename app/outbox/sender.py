"""Sends what is due, a few destinations at once, each by one sender at a time."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import anyio.to_thread

from app.database import Database
from app.outbox.delivery import Courier, NotDelivered
from app.outbox.repository import Parcel
from app.outbox.service import OutboxService
from app.runners import LOOK_EVERY_S, Runners

RUNNERS: Final = 4


class Sender(Runners[Parcel]):
    """Empties the outbox message by message; `wake` tells that something was announced."""

    def __init__(
        self,
        database: Database,
        courier: Courier,
        now: Callable[[], datetime],
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        super().__init__(RUNNERS, look_every_s)
        self._database = database
        self._courier = courier
        self._now = now

    def take(self) -> Parcel | None:
        with self._database.unit_of_work() as session:
            return OutboxService(session, self._now()).take()

    async def work(self, piece: Parcel) -> None:
        """Send, then log what became of it; a message whose log failed is sent again when the hold ends."""
        try:
            await self._courier.deliver(piece)
        except NotDelivered as failure:
            await anyio.to_thread.run_sync(self._log_failure, piece, failure)
            self._log.warning("message_not_delivered", message=str(piece.message.id), problem=failure.problem)
        else:
            await anyio.to_thread.run_sync(self._log_success, piece)

    def _log_success(self, parcel: Parcel) -> None:
        with self._database.unit_of_work() as session:
            OutboxService(session, self._now()).mark_sent(parcel)

    def _log_failure(self, parcel: Parcel, failure: NotDelivered) -> None:
        with self._database.unit_of_work() as session:
            OutboxService(session, self._now()).mark_failed(parcel, failure.problem, refused=failure.refused)
