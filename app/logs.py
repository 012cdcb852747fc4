"""Structured logs: one JSON object a line on standard error, ids only, never an upload's content or name.

Whatever logs through Python's own `logging` (the server, libraries) takes the same form. Of an exception the kinds and
the lines of code are kept, never its message or a variable: those may hold what a person typed.
"""

import asyncio
import errno
import logging
import math
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import structlog
from structlog.tracebacks import ExceptionDictTransformer


def configure_logs() -> None:
    """Set the form of every log line of this process."""
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_Frames()),
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(processors=processors, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=[_without_meta, *processors], use_get_message=False)
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(True)


class _Frames:
    """Kinds of the exceptions and their frames."""

    def __init__(self) -> None:
        self._transform = ExceptionDictTransformer(show_locals=False)

    def __call__(self, exc_info: Any) -> list[dict[str, Any]]:
        kept = ("exc_type", "frames", "is_cause")
        return [{name: each[name] for name in kept} for each in self._transform(exc_info)]


def _without_meta(logger: Any, name: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A foreign line: which logger, and its message before values are filled in."""
    record: logging.LogRecord = event.pop("_record")
    event.pop("_from_structlog")
    said = {"logger": record.name, "level": record.levelname.lower(), "event": str(record.msg)}
    return {**event, **said}


class LoopErrors:
    """What asyncio does with an error that no task caught: it is logged, no descriptor left once a second at most.

    asyncio reports that for every place of the listening queue, 2048 times a try: the log would grow by megabytes a
    second, and its lines would take the time that requests need.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_at = -math.inf

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            if self._clock() - self._said_at < 1:
                return
            self._said_at = self._clock()
        loop.default_exception_handler(context)
