"""`leukolens simulate-lis` against a real server: orders go in, and what comes back is checked."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import Server, free_port, running_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    make_bundle(tmp_path / "models")
    with running_server(tmp_path, f"{NAME}/0.1.0") as running:
        yield running


def simulator(server: Server, *arguments: str, secret: str = "") -> "subprocess.Popen[str]":
    key = server.key("cases:write")["Authorization"].removeprefix("Bearer ")
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "simulate-lis", "--url", server.address, *arguments],
        env=os.environ | {"LEUKOLENS_KEY": key, "LEUKOLENS_WEBHOOK_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_a_result_that_does_not_come_is_named_and_the_exit_code_is_1(server: Server) -> None:
    lab = simulator(server, "--cases", "1", "--cells", "1", "--mllp-port", str(free_port()), "--wait-s", "1")
    printed, _ = lab.communicate(timeout=60)
    assert (lab.returncode, "nothing by mllp" in printed) == (1, True)
