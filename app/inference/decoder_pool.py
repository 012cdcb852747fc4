"""Child processes that decode uploads: a crash, a hang or a hunger for memory ends there."""

import asyncio
import multiprocessing
import os
import resource
from collections.abc import Callable
from concurrent.futures import TimeoutError as DecodeTimeout
from typing import ParamSpec, TypeVar

from pebble import ProcessExpired, ProcessPool

from app.errors import FileRefused
from app.inference.upload import (
    Picture,
    crop_stored,
    heatmap_stored,
    read_stored,
    read_upload,
    thumbnail_stored,
    window_stored,
)
from models.measurements import ImageArray
from models.preprocessing import Preprocessing
from models.refusals import ImageRefused, RefusalCode

DECODE_TIMEOUT_S = 5.0
MEMORY_LIMIT_BYTES = 2 * 1024**3
TASKS_PER_PROCESS = 2000

P = ParamSpec("P")
R = TypeVar("R")


class DecoderPool:
    """Runs `app.inference.upload` in a few children, each with limits of time and memory."""

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or min(4, os.cpu_count() or 1)
        # A fork server starts from a clean process: quick to refill, and no child inherits a thread or a socket.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["app.inference.upload"])
        self._pool = ProcessPool(
            max_workers=self._processes,
            max_tasks=TASKS_PER_PROCESS,
            initializer=_limit_child,
            context=context,
        )

    async def read(self, data: bytes) -> Picture:
        """Decode one upload.

        Raises:
            FileRefused: the file has not the form of a cell image, or its decoder died or took too long.
        """
        return await self._run(read_upload, data)

    async def pixels(self, png: bytes) -> ImageArray:
        """The pixels of a stored picture: (450, 450, 3) uint8 RGB."""
        return await self._run(read_stored, png)

    async def crop(self, png: bytes, recipe: Preprocessing) -> bytes:
        """What the network sees of a stored picture, as PNG."""
        return await self._run(crop_stored, png, recipe)

    async def window(self, png: bytes, recipe: Preprocessing) -> tuple[int, int, int]:
        """Where the crop lies in a stored picture: (top, left, side) in pixels."""
        return await self._run(window_stored, png, recipe)

    async def thumbnail(self, png: bytes) -> bytes:
        """A stored picture at half its size, as PNG."""
        return await self._run(thumbnail_stored, png)

    async def heatmap(self, png: bytes, recipe: Preprocessing, heatmap: bytes) -> bytes:
        """A prediction's map as a layer for a stored picture, as PNG."""
        return await self._run(heatmap_stored, png, recipe, heatmap)

    async def _run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        future = self._pool.schedule(function, args=args, kwargs=kwargs, timeout=DECODE_TIMEOUT_S)
        try:
            result: R = await asyncio.wrap_future(future)
        except ImageRefused as refusal:
            raise FileRefused(refusal) from refusal
        except (DecodeTimeout, TimeoutError) as slow:
            raise _unreadable(f"decoding took more than {DECODE_TIMEOUT_S:g} s") from slow
        except (ProcessExpired, MemoryError) as died:
            raise _unreadable("its decoder gave up") from died
        return result

    def warm_up(self) -> None:
        """Start the children now; the first upload should not wait for their imports."""
        for _ in range(self._processes):
            self._pool.schedule(_nothing)

    def close(self) -> None:
        """Stop the children."""
        self._pool.stop()  # type: ignore[no-untyped-call] # pebble leaves it unannotated
        self._pool.join(timeout=5)


def _unreadable(why: str) -> FileRefused:
    return FileRefused(ImageRefused(RefusalCode.IMAGE_UNREADABLE, f"The file could not be read: {why}."))


def _nothing() -> None:
    """A task that only needs a running child."""


def _limit_child() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Decoding writes nothing to disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
