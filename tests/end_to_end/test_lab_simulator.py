"""`leukolens simulate-lis` against a real server: orders go in, signed results come back by MLLP and webhook."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import Server, free_port, running_server, wait_for

PASSWORD = "a long enough password"


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


def sign_in_as_reviewer(server: Server) -> None:
    options = ["--name", "A reviewer", "--role", "reviewer", "--password-stdin"]
    server.run("users", "add", "r@lab.example", *options, stdin=f"{PASSWORD}\n")
    server.client.post("/login", data={"email": "r@lab.example", "password": PASSWORD})


def sign(server: Server, case: dict[str, object]) -> None:
    answer = server.client.post(
        f"/api/v1/cases/{case['id']}/sign-off",
        headers={"If-Match": str(case["version"])},
        json={"password": PASSWORD},
    )
    assert answer.status_code == 201, answer.text


def cases(server: Server) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = server.client.get("/api/v1/cases").json()["cases"]
    return listed


@pytest.mark.slow
def test_every_order_comes_back_signed_by_both_ways(server: Server) -> None:
    sign_in_as_reviewer(server)
    mllp_port, webhook_port = free_port(), free_port()
    add = ["destinations", "add", "--json"]
    server.run(*add, "lis", "--kind", "hl7", "--address", f"mllp://127.0.0.1:{mllp_port}")
    webhook = ["portal", "--kind", "webhook", "--address", f"http://127.0.0.1:{webhook_port}/results"]
    secret = json.loads(server.run(*add, *webhook))["secret"]
    ports = ["--mllp-port", str(mllp_port), "--webhook-port", str(webhook_port)]
    lab = simulator(server, "--cases", "2", "--cells", "3", *ports, "--wait-s", "120", secret=secret)
    wait_for(lambda: [case["scored"] for case in cases(server)] == [3, 3])
    for case in cases(server):
        sign(server, case)
    printed, _ = lab.communicate(timeout=150)
    assert lab.returncode == 0, printed
    assert printed.count("sent with 3 cells") == 2
    assert printed.count(": P by mllp") == 2
    assert printed.count(": preliminary by webhook") == 2


@pytest.mark.slow
def test_a_result_that_does_not_come_is_named_and_the_exit_code_is_1(server: Server) -> None:
    lab = simulator(server, "--cases", "1", "--cells", "1", "--mllp-port", str(free_port()), "--wait-s", "1")
    printed, _ = lab.communicate(timeout=60)
    assert (lab.returncode, "nothing by mllp" in printed) == (1, True)
