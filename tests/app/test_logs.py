"""Log lines: one JSON object each, whatever is logged, and nothing of what a person typed."""

import json
import subprocess
import sys

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
