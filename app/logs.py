"""Structured logs: one JSON object a line on standard error, ids only, never an upload's content or name.

Whatever logs through Python's own `logging` (the server, libraries) takes the same form. Of an exception the kinds and
the lines of code are kept, never its message or a variable: those may hold what a person typed.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
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
