"""Overload is said, not suffered: more uploads at once than there are places."""

from pathlib import Path

import pytest

from app.arenas import ARENAS
from tests.app.conftest import png_of
from tests.bundles import NAME, make_bundle
from tests.end_to_end.server import running_server
from tests.faults.burst import send_at_once
from tests.faults.memory import heaps
from tests.performance.load import multipart

AT_ONCE = 300
QUEUE_LIMIT = 64


@pytest.mark.slow
def test_300_uploads_at_once_get_their_answer_or_a_503_that_says_when(tmp_path: Path) -> None:
    make_bundle(tmp_path / "models")
    bodies = [multipart(png_of(seed)) for seed in range(AT_ONCE)]
    with running_server(tmp_path, f"{NAME}/0.1.0", LEUKOLENS_QUEUE_LIMIT=str(QUEUE_LIMIT)) as server:
        headers = server.key("cases:read", "cases:write")
        outcomes = send_at_once(f"{server.address}/api/v1/predictions", headers, bodies)
        heaps_of_threads = heaps(server.pid)
        after = server.client.post(
            "/api/v1/predictions", headers=headers, files={"image": ("after.png", png_of(AT_ONCE))}
        )
    accepted = [outcome for outcome in outcomes if outcome.status == 201]
    refused = [outcome for outcome in outcomes if outcome.status == 503]
    assert len(accepted) + len(refused) == AT_ONCE, {outcome.status for outcome in outcomes}
    assert accepted
    assert all(outcome.answer["probabilities"] for outcome in accepted)
    assert refused, "300 uploads at once filled no queue of 64"
    assert all(int(outcome.retry_after or 0) >= 1 for outcome in refused)
    said = {outcome.answer["code"] for outcome in refused}
    assert "overloaded" in said
    # On a crowded machine writers of the case log may wait too long for their turn.
    assert said <= {"overloaded", "database_unavailable"}
    assert after.status_code == 201
    assert heaps_of_threads < ARENAS, "every thread of the server keeps what it freed"
