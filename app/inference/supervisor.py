"""Starts the engine process and keeps one running: a dead or silent one is replaced."""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import structlog

from app.errors import LeukolensError
from app.inference.engine_client import EngineClient
from app.inference.scorer import ModelRef

CHECK_EVERY_S = 1.0
SILENT_CHECKS = 3
START_LIMIT_S = 60.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0

log = structlog.get_logger()


class EngineSupervisor:
    """Owns one engine process behind a Unix socket in a private folder.

    Args:
        arguments: of `leukolens worker`.
        active_model: what the engine, and every successor of it, loads before it calls itself ready.
    """

    def __init__(self, arguments: list[str], active_model: Callable[[], ModelRef]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="leukolens-"))
        self._socket = self._folder / "engine.sock"
        self._arguments = [*arguments, "--socket", str(self._socket), "--exit-with-parent"]
        self._first = active_model()
        self._active_model = active_model
        self._client = EngineClient(self.url)
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"unix:{self._socket}"

    @property
    def pid(self) -> int | None:
        """The running engine's process id."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """End the engine and remove its socket."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end()
        await self._client.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _keep_running(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            came_up = await self._run_once()
            # A crash loop must not eat the machine; an engine that had come up gets its successor at once.
            pause_s = FIRST_PAUSE_S if came_up else min(pause_s * 2, LONGEST_PAUSE_S)
            log.info("engine_starts_again", in_s=pause_s)
            await asyncio.sleep(pause_s)
            with contextlib.suppress(LeukolensError):  # without the case log, the last one known will do
                self._first = await asyncio.to_thread(self._active_model)

    async def _run_once(self) -> bool:
        """Run one engine until it dies or falls silent; whether it ever became ready."""
        self._socket.unlink(missing_ok=True)
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.cli",
            "worker",
            *self._arguments,
            "--first",
            f"{self._first.name}/{self._first.version}@{self._first.sha256}",
            stdin=asyncio.subprocess.PIPE,
        )
        log.info("engine_started", pid=process.pid)
        came_up = await self._wait_until_ready(process)
        silent = 0
        while process.returncode is None and silent < SILENT_CHECKS and came_up:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_EVERY_S):
                    await process.wait()
                break
            silent = 0 if await self._client.live() else silent + 1
        await self._end()
        log.warning(
            "engine_ended", pid=process.pid, status=process.returncode, silent_checks=silent, came_up=came_up
        )
        return came_up

    async def _wait_until_ready(self, process: asyncio.subprocess.Process) -> bool:
        begun = asyncio.get_running_loop().time()
        while process.returncode is None and asyncio.get_running_loop().time() - begun < START_LIMIT_S:
            if await self._client.ready():
                took_s = asyncio.get_running_loop().time() - begun
                log.info("engine_ready", pid=process.pid, after_s=round(took_s, 2))
                return True
            await asyncio.sleep(0.05)
        return False

    async def _end(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
