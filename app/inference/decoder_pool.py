"""Child processes that decode uploads: a crash, a hang or a hunger for memory ends there."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as DecodeTimeout
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import structlog
from pebble import ProcessExpired, ProcessPool

import app
import models
from app.errors import FileRefused, Overloaded
from app.inference.archive import Archive, ArchiveMember, list_archive, unpack_member
from app.inference.fork_server import fork_server
from app.inference.sandbox import allow_processor_time, confine
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
PROCESSOR_TIME_S = 5
TASKS_PER_PROCESS = 2000

READABLE = [
    *(
        Path(prefix)
        for prefix in {sys.prefix, sys.base_prefix, *map(os.path.realpath, (sys.prefix, sys.base_prefix))}
    ),
    *(Path(folder) for folder in ("/lib", "/lib64", "/usr/lib", "/usr/local/lib", "/etc/ld.so.cache")),
    *(Path(package.__file__).parent for package in (app, models) if package.__file__),
]
"""This program and its libraries, for what is imported late; neither the data folder nor a secret is below."""

_holding: set[str] = set()
"""In a child: which of the kernel's fences hold it."""

log = structlog.get_logger()

P = ParamSpec("P")
R = TypeVar("R")


class DecoderPool:
    """Runs `app.inference.upload` in a few children, each with limits of time and memory."""

    def __init__(self, processes: int | None = None) -> None:
        self._processes = processes or min(4, os.cpu_count() or 1)
        self._pool = self._new_pool()
        self._renewing = threading.Lock()

    async def read(self, data: bytes) -> Picture:
        """Decode one upload.

        Raises:
            FileRefused: the file has not the form of a cell image, or its decoder died or took too long.
        """
        return await self._run(read_upload, data)

    async def archive(self, data: bytes) -> Archive:
        """What is in a zip.

        Raises:
            FileRefused: it is none, or holds too much.
        """
        return await self._run(list_archive, data)

    async def member(self, member: ArchiveMember, packed: bytes) -> bytes:
        """The bytes of one file of a zip.

        Raises:
            FileRefused: it cannot be unpacked, or is too large.
        """
        return await self._run(unpack_member, member, packed)

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
        try:
            return await self._try(function, *args, **kwargs)
        except (ProcessExpired, BrokenProcessPool):
            pass  # a child may be ended for no fault of its picture: a second one decides
        try:
            return await self._try(function, *args, **kwargs)
        except ProcessExpired as died:
            raise _unreadable("its decoder gave up") from died
        except BrokenProcessPool as broken:
            raise Overloaded(
                "The decoders are being replaced. Send again later.", retry_after_s=2
            ) from broken

    async def _try(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        future = self._schedule(_limited, (function, *args), kwargs)
        try:
            # A client that gives up must not cancel the task: the pool would kill its child, which may have gone on to
            # another picture by then, and that one would be refused after its time is over.
            result: R = await asyncio.shield(asyncio.wrap_future(future))
        except ImageRefused as refusal:
            raise FileRefused(refusal) from refusal
        except (DecodeTimeout, TimeoutError) as slow:
            raise _unreadable(f"decoding took more than {DECODE_TIMEOUT_S:g} s") from slow
        except MemoryError as hungry:
            raise _unreadable("it asked for too much memory") from hungry
        return result

    def _schedule(
        self, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> "Future[R]":
        """Hand over a task; a pool that gave up (it does when an idle child is killed) is replaced first."""
        with self._renewing:
            if not self._pool.active:
                log.warning("decoder_pool_replaced")
                self._pool.stop()  # type: ignore[no-untyped-call] # pebble leaves it unannotated
                self._pool = self._new_pool()
            try:
                return self._pool.schedule(function, args=args, kwargs=kwargs, timeout=DECODE_TIMEOUT_S)
            except RuntimeError as gone:
                raise BrokenProcessPool(str(gone)) from gone

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._processes,
            max_tasks=TASKS_PER_PROCESS,
            initializer=_confine_child,
            context=fork_server(),
        )

    async def confinement(self) -> set[str]:
        """Which of the kernel's fences hold the children, see `app.inference.sandbox`."""
        return await self._run(_what_holds)

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


def _confine_child() -> None:
    _holding.update(confine(MEMORY_LIMIT_BYTES, READABLE))


def _what_holds() -> set[str]:
    return _holding


def _limited(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    allow_processor_time(PROCESSOR_TIME_S)
    return function(*args, **kwargs)
