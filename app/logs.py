"""Structured logs: one JSON object a line on standard error, ids only, never an upload's content or name."""

import sys

import structlog


def configure_logs() -> None:
    """Set the form of every log line of this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
