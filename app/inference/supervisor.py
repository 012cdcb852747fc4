"""Starts the engine process and keeps one running: a dead or silent one is replaced."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from app.errors import LeukolensError
from app.inference.engine_client import EngineClient
from app.inference.scorer import ModelRef
from app.settings import Settings

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
    """

    def __init__(self, arguments: list[str]) -> None:
        self._folder = TemporaryDirectory(prefix="leukolens-", ignore_cleanup_errors=True)
        self._socket = Path(self._folder.name) / "engine.sock"
        self._arguments = [*arguments, "--socket", str(self._socket), "--under-parent"]
        self._client = EngineClient(self.url)
        self._process: asyncio.subprocess.Process | None = None
        self._launched_at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"unix:{self._socket}"

    async def launch(self) -> None:
        """Start a process: it imports what it needs and waits for `load_first`."""
        self._socket.unlink(missing_ok=True)
        self._launched_at = time.monotonic()
        command = (sys.executable, "-m", "app.cli", "worker", *self._arguments)
        self._process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
        log.info("engine_started", pid=self._process.pid)

    def load_first(self, model: ModelRef) -> None:
        """Tell the launched process what to load before it calls itself ready."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{model}\n".encode())

    def start(self, active_model: Callable[[], ModelRef]) -> None:
        """Keep one running from now on: the one that was launched, or else a new one.

        Args:
            active_model: what a new one and every successor loads.
        """
        self._task = asyncio.create_task(self._keep_running(active_model(), active_model))

    async def stop(self) -> None:
        """End the engine and remove its socket."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._end()
        await self._client.close()
        self._folder.cleanup()

    async def _keep_running(self, model: ModelRef, active_model: Callable[[], ModelRef]) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            if self._process is None:
                await self.launch()
                self.load_first(model)
            came_up = await self._watch()
            # A crash loop must not eat the machine; an engine that had come up gets its successor at once.
            pause_s = FIRST_PAUSE_S if came_up else min(pause_s * 2, LONGEST_PAUSE_S)
            log.info("engine_starts_again", in_s=pause_s)
            await asyncio.sleep(pause_s)
            with contextlib.suppress(LeukolensError):  # without the case log, the last one known will do
                model = await asyncio.to_thread(active_model)

    async def _watch(self) -> bool:
        """Wait until the engine dies or falls silent; whether it ever became ready."""
        process = self._process
        assert process is not None
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
        while process.returncode is None and (took_s := time.monotonic() - self._launched_at) < START_LIMIT_S:
            if await self._client.ready():
                log.info("engine_ready", pid=process.pid, after_s=round(took_s, 2))
                return True
            await asyncio.sleep(0.05)
        return False

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def own_engine(settings: Settings) -> EngineSupervisor | None:
    """The engine process that belongs to this server, not launched yet; None where the settings name another."""
    if settings.scorer != "local" or settings.worker_url:
        return None
    return EngineSupervisor(["--engine", settings.engine, "--data-dir", str(settings.data_dir.absolute())])
