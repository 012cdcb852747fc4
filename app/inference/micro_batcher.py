"""The queue in front of the engine: bounded, with a deadline for each cell, batched as the engine likes it."""

import asyncio
from dataclasses import dataclass, field

import httpx2
import structlog

from app.errors import EngineUnavailable, LeukolensError, Overloaded
from app.inference.engine_client import EngineClient
from app.inference.scorer import ModelRef, Question, Score

ENGINE_TIMEOUT_S = 5.0
POLL_S = 0.05

log = structlog.get_logger()


@dataclass
class _Place:
    """One waiting cell. answer: cancelled when the asker gives up, and then skipped."""

    question: Question
    answer: "asyncio.Future[Score]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class MicroBatcher:
    """The default scorer: a queue and a few lanes that carry batches to one engine process.

    A batch that fails because the engine went away is tried once more, cell by cell, with the engine's
    successor: a cell that kills its engine takes no other with it.
    """

    def __init__(self, engine: EngineClient, queue_limit: int) -> None:
        self._engine = engine
        self._limit = queue_limit
        self._queue: asyncio.Queue[_Place] = asyncio.Queue()
        self._lanes: list[asyncio.Task[None]] = []
        self._batch = 1
        self._opening: asyncio.Task[None] | None = None

    def start(self, model: ModelRef) -> None:
        """Open as many lanes as the engine has streams, as soon as it answers."""
        self._opening = asyncio.create_task(self._open_lanes(model))

    async def stop(self) -> None:
        tasks = [*self._lanes, *([self._opening] if self._opening else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ready(self) -> bool:
        """See `Scorer.ready`."""
        return bool(self._lanes) and await self._engine.ready()

    async def load(self, model: ModelRef) -> None:
        """See `Scorer.load`."""
        try:
            await self._engine.capacity(model)
        except httpx2.TransportError as away:
            raise EngineUnavailable("The engine is away. Try again later.", retry_after_s=5) from away

    async def score(self, question: Question, *, deadline_s: float) -> Score:
        """See `Scorer.score`."""
        if self._queue.qsize() >= self._limit:
            raise Overloaded(f"{self._limit} cells are waiting already. Send again later.", retry_after_s=2)
        place = _Place(question)
        self._queue.put_nowait(place)
        try:
            async with asyncio.timeout(deadline_s):
                return await place.answer
        except TimeoutError as late:
            raise Overloaded(
                f"No answer within {deadline_s:g} s. Send again later.", retry_after_s=2
            ) from late

    async def _open_lanes(self, model: ModelRef) -> None:
        while True:
            try:
                streams, self._batch = await self._engine.capacity(model)
                break
            except (httpx2.TransportError, LeukolensError):
                await asyncio.sleep(POLL_S)
        self._lanes = [asyncio.create_task(self._lane()) for _ in range(streams)]

    async def _lane(self) -> None:
        while True:
            batch = await self._next_batch()
            if not batch:
                continue
            try:
                await self._carry(batch)
            except LeukolensError as failure:
                if len(batch) == 1:
                    _fail(batch[0], failure)
                else:
                    await self._carry_alone(batch)
            except httpx2.TransportError:
                await self._carry_alone(batch)
            except Exception as bug:
                log.exception("lane_failed")
                for place in batch:
                    _fail(place, bug)

    async def _next_batch(self) -> list[_Place]:
        """The longest waiting cell and what fits beside it: same model, still wanted."""
        batch = [await self._queue.get()]
        while len(batch) < self._batch and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        wanted = [place for place in batch if not place.answer.done()]
        same = [place for place in wanted if place.question.model == wanted[0].question.model]
        for place in wanted:
            if place.question.model != wanted[0].question.model:
                self._queue.put_nowait(place)
        return same

    async def _carry(self, batch: list[_Place]) -> None:
        scores = await self._engine.infer([place.question for place in batch], timeout_s=ENGINE_TIMEOUT_S)
        for place, score in zip(batch, scores, strict=True):
            if not place.answer.done():
                place.answer.set_result(score)

    async def _carry_alone(self, batch: list[_Place]) -> None:
        for place in batch:
            try:
                await self._carry_again(place)
            except httpx2.TransportError:
                _fail(place, EngineUnavailable("The engine went away twice over this cell.", retry_after_s=5))
            except LeukolensError as failure:
                _fail(place, failure)
            except Exception as bug:
                log.exception("lane_failed")
                _fail(place, bug)

    async def _carry_again(self, place: _Place) -> None:
        while not place.answer.done() and not await self._engine.ready():
            await asyncio.sleep(POLL_S)
        if not place.answer.done():
            await self._carry([place])


def _fail(place: _Place, failure: Exception) -> None:
    if not place.answer.done():
        place.answer.set_exception(failure)
