"""A server is fed with line breaks, colours and names of patients in every field: its log stays one event a line."""

import json
from pathlib import Path

import httpx2
import pytest

from tests.app.conftest import PASSWORD, png_of
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import Server, running_server
from tests.faults.injections import LOGS

PLANTED = "Planted-Patient-4711"
BANNER = ("Leukolens listens on", "No account yet.")


def feed(server: Server, key: dict[str, str], payload: str) -> None:
    """Every place where a stranger, a system or a person may write."""
    typed = f"{PLANTED} {payload}"
    plain = "".join(letter for letter in typed if letter.isascii() and letter.isprintable())
    with httpx2.Client(base_url=server.address, timeout=60) as client:
        client.get("/cases", params={"q": typed})
        client.get(f"/api/v1/cases/{PLANTED}", headers={"User-Agent": plain, "Referer": plain})
        client.get("/api/v1/cases", headers={"Authorization": f"Bearer {plain}"})
        client.get("/api/v1/cases", params={"search": typed, "cursor": typed}, headers=key)
        client.post("/login", data={"email": typed, "password": typed, "next": typed})
        client.post("/api/v1/cases", json={"accession": typed}, headers=key)
        client.post("/api/v1/cases", content=typed.encode(), headers=key)
        client.post(
            "/api/v1/predictions",
            headers=key | {"Idempotency-Key": plain[:190]},
            files={"image": (typed, typed.encode(), "image/png")},
            data={"accession": typed, "client_ref": typed},
        )
        client.post("/api/v1/predictions", headers=key, files={"image": (typed, png_of(1), "image/png")})


@pytest.mark.slow
def test_every_line_is_one_event_without_what_anybody_typed(tmp_path: Path) -> None:
    make_bundle(tmp_path / "models")
    with running_server(tmp_path, f"{NAME}/0.1.0") as server:
        server.run(
            "users",
            "add",
            f"{PLANTED.lower()}@lab.example",
            "--name",
            PLANTED,
            "--password-stdin",
            stdin=f"{PASSWORD}\n",
        )
        key = server.key("cases:read", "cases:write")
        for payload in LOGS:
            feed(server, key, payload)
        server.stop()
        log = server.log
    lines = [line for line in log.split("\n") if line and not line.startswith(BANNER)]
    assert len(lines) >= 3
    events = [json.loads(line) for line in lines]
    assert "forged" not in {event["event"] for event in events}
    assert all({"event", "level"} <= set(event) for event in events)
    for secret in (PLANTED, PLANTED.lower(), PASSWORD, "\x1b", key["Authorization"].split()[1]):
        assert secret not in log, secret
