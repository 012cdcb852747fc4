"""The scorer for many machines: engine replicas on Ray Serve, reached through a handle.

Imported only when `LEUKOLENS_SCORER=ray`. This process becomes a driver of the cluster, so it runs on a machine
that belongs to it (`ray start --address=HEAD:6379 --num-cpus=0` is enough).
"""

from app.ray_cluster import join  # before Ray: it sets what Ray reads when it is imported

# isort: split
import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio.to_thread
import structlog
from ray import serve
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    WorkerCrashedError,
)
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from app.errors import EngineUnavailable, LeukolensError, Overloaded
from app.inference.scorer import ModelRef, Question, Score
from models.drawn_cells import draw_cell
from models.measurements import measure_cell

Answer = Score | LeukolensError
"""What a replica gives back: a refusal is a value, see `app.inference.batch`."""

LOST = (RayActorError, WorkerCrashedError, NodeDiedError, ObjectLostError, OutOfMemoryError)
"""What a call raises when its replica, or the machine it was on, is gone."""

LOOK_EVERY_S = 1.0
STATUS_LIMIT_S = 2.0
LOAD_LIMIT_S = 60.0

Handle = DeploymentHandle[Any]

log = structlog.get_logger()


class RayScorer:
    """Hands each cell to a replica. A cell whose replica dies is tried once more, alone, on another.

    Args:
        address: head of the cluster, `host:6379` or `auto`.
        app_name: the Serve application with the replicas.
        queue_limit: cells in hand before new ones are refused.
    """

    def __init__(self, address: str, app_name: str, queue_limit: int) -> None:
        self._address = address
        self._app_name = app_name
        self._limit = queue_limit
        self._in_hand = 0
        self._handle: Handle | None = None
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look for the deployment until it is found."""
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Let go of the deployment; the cluster goes on."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def ready(self) -> bool:
        """See `Scorer.ready`: whether a replica runs. Asked of the controller, so that load does not look like failure."""
        if self._handle is None:
            return False
        with suppress(TimeoutError, RayError, RayServeException):
            async with asyncio.timeout(STATUS_LIMIT_S):
                return await anyio.to_thread.run_sync(self._replica_runs, abandon_on_cancel=True)
        return False

    async def load(self, model: ModelRef) -> None:
        """See `Scorer.load`: one replica does, for a drawn cell; the others when they are first asked."""
        cell = draw_cell(1)
        await self.score(Question(cell, measure_cell(cell), model), deadline_s=LOAD_LIMIT_S)

    async def score(self, question: Question, *, deadline_s: float) -> Score:
        """See `Scorer.score`."""
        if self._handle is None:
            raise EngineUnavailable("The engine's cluster has not answered yet.", retry_after_s=5)
        if self._in_hand >= self._limit:
            raise Overloaded(f"{self._limit} cells are in hand already. Send again later.", retry_after_s=2)
        self._in_hand += 1
        started = time.perf_counter()
        try:
            async with asyncio.timeout(deadline_s):
                answer = await self._ask_twice(self._handle, question)
        except TimeoutError as late:
            raise Overloaded(
                f"No answer within {deadline_s:g} s. Send again later.", retry_after_s=2
            ) from late
        finally:
            self._in_hand -= 1
        if isinstance(answer, LeukolensError):
            raise answer
        return replace(answer, latency_ms=(time.perf_counter() - started) * 1000)

    async def _ask_twice(self, handle: Handle, question: Question) -> Answer:
        try:
            return await _ask(handle, "score", question)
        except LOST:
            log.warning("replica_died", app=self._app_name)
        try:
            return await _ask(handle, "score_alone", question)
        except LOST as again:
            raise EngineUnavailable("The engine went away twice over this cell.", retry_after_s=5) from again

    async def _look(self) -> None:
        while self._handle is None:
            try:
                self._handle = await anyio.to_thread.run_sync(self._find)
            except (LeukolensError, RayError, RayServeException) as absent:
                log.info("cluster_absent", reason=str(absent))
                await asyncio.sleep(LOOK_EVERY_S)

    def _find(self) -> Handle:
        join(self._address)
        return serve.get_app_handle(self._app_name)

    def _replica_runs(self) -> bool:
        application = serve.status().applications.get(self._app_name)
        deployments = application.deployments.values() if application is not None else ()
        states = (deployment.replica_states for deployment in deployments)
        return any(
            state == "RUNNING" and count for state_counts in states for state, count in state_counts.items()
        )


async def _ask(handle: Handle, method: str, question: Question) -> Answer:
    response = handle.options(method_name=method).remote(question)
    try:
        answer: Answer = await response
    except BackPressureError as full:
        raise Overloaded("Every replica's queue is full. Send again later.", retry_after_s=2) from full
    except RayServeException as away:
        raise EngineUnavailable(f"The replicas do not answer: {away}", retry_after_s=5) from away
    except asyncio.CancelledError:
        response.cancel()  # type: ignore[no-untyped-call] # late or no longer wanted: its place in the replica is given back
        raise
    return answer
