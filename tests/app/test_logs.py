"""Log lines: one JSON object each, whatever is logged, and nothing of what a person typed."""

import asyncio
import errno
import json
import subprocess
import sys

import pytest

from app.logs import LoopErrors

PLANTED = "Planted-Patient-4711"

PROGRAM = f"""
import logging, warnings, structlog
from app.logs import configure_logs
configure_logs()
log = structlog.get_logger()
planted = {PLANTED!r}

def fail():
    typed = planted
    raise ValueError(f"cannot use {{typed}}")

log.info("plain", text="a\\r\\n{{}}\\x1b[31mred ${{jndi:ldap://x}}")
try:
    fail()
except ValueError as failure:
    log.error("failed", exc_info=failure)
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application\\n")
logging.getLogger("library").warning("value %s", planted)
warnings.warn("deprecated", stacklevel=1)
"""


def test_every_line_is_json_and_holds_no_value_of_an_exception() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"].strip() for line in lines[:4]] == [
        "plain",
        "failed",
        "Exception in ASGI application",
        "value %s",
    ]
    assert len(lines) == 5
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
    assert PLANTED not in done.stderr
    assert "\x1b" not in done.stderr
    kinds = [line["exception"][0]["exc_type"] for line in lines if "exception" in line]
    assert kinds == ["ValueError", "ValueError"]
    assert lines[1]["exception"][0]["frames"][-1]["name"] == "fail"


def test_a_missing_descriptor_is_said_once_a_second_and_any_other_error_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = 0.0
    report, loop = LoopErrors(lambda: now), asyncio.new_event_loop()
    full, other = OSError(errno.EMFILE, "Too many open files"), OSError(errno.EIO, "Input/output error")
    for error in (full, full, other, other):
        report(loop, {"message": error.strerror, "exception": error})
    now += 1
    report(loop, {"message": full.strerror, "exception": full})
    loop.close()
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [full, other, other, full]
