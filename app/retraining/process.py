"""Training as a process of its own: the service imports none of it, and serving goes first."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from app.errors import BadRequest
from app.retraining.outcome import Outcome
from app.retraining.workplace import LOG, REPORT

NICENESS: Final = 10
_NEEDED: Final = ("training", "tensorflow", "sklearn")


def run_training(place: Path, arguments: Sequence[str | Path], say: Callable[[str], None]) -> Outcome:
    """`python -m training retrain ARGUMENTS --out PLACE`, line by line, until it has reached a verdict.

    Raises:
        BadRequest: training is not installed, or ended without a verdict; what it wrote is in PLACE's log.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise BadRequest(f"Retraining needs {', '.join(missing)}: install the extra `train`.")
    command = [sys.executable, "-m", "training", "retrain", *map(str, arguments), "--out", str(place)]
    quiet = {"PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "_TYPER_STANDARD_TRACEBACK": "1"}
    with (
        (place / LOG).open("w", encoding="utf-8") as log,
        subprocess.Popen(  # noqa: S603 - own module, arguments as a list
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | quiet
        ) as process,
    ):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        assert process.stdout is not None
        for line in process.stdout:
            say(line.rstrip())
    report = place / REPORT
    if not report.is_file():
        raise BadRequest(f"Training ended without a verdict: {_last_line(place / LOG)} See {place / LOG}.")
    return Outcome.of(json.loads(report.read_text(encoding="utf-8")))


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing."
