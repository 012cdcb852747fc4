"""A few tasks that empty a queue in the database, piece by piece, behind the answers of the web process."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import anyio.to_thread
import structlog

from app.errors import LeukolensError

LOOK_EVERY_S = 5.0

Piece = TypeVar("Piece")


class Runners(ABC, Generic[Piece]):
    """Take a piece, work on it, look for the next; sleep while there is none.

    Args:
        count: how many work at once.
        look_every_s: how long to sleep when nobody calls `wake`.
    """

    def __init__(self, count: int, look_every_s: float = LOOK_EVERY_S) -> None:
        self._log = structlog.get_logger().bind(queue=type(self).__name__)
        self._count = count
        self._look_every_s = look_every_s
        self._awake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @abstractmethod
    def take(self) -> Piece | None:
        """Lease a piece in a transaction of its own, None when nothing is due. Called in a thread."""

    @abstractmethod
    async def work(self, piece: Piece) -> None:
        """Do the piece. What it raises is logged; when its lease ends, the piece comes again."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._count)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look at once. From any thread."""
        self._loop.call_soon_threadsafe(self._awake.set)

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            piece = await self._look()
            if piece is None:
                await self._sleep()
                continue
            self._awake.set()  # there may be more: the others look, too
            try:
                await self.work(piece)
            except Exception:
                self._log.exception("piece_not_done")

    async def _look(self) -> Piece | None:
        try:
            return await anyio.to_thread.run_sync(self.take)
        except LeukolensError as failure:
            self._log.warning("queue_paused", code=failure.code)
        except Exception:
            self._log.exception("queue_failed")
        return None

    async def _sleep(self) -> None:
        # Not `wait_for`: in Python 3.11 it forgets that it was cancelled when the event is set in the same moment.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._look_every_s):
                await self._awake.wait()
