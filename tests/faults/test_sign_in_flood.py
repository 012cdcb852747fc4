"""A flood of guesses: a thousand passwords from ten addresses, while somebody who works here signs in."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from app.accounts.permissions import Role
from app.accounts.sign_in import ACCOUNT_AND_ADDRESS, STRANGERS
from app.audit.acts import Act
from app.audit.repository import TrailFilter
from app.audit.trail import TrailService
from tests.app.conftest import PASSWORD, RunningApp

GUESSES = 1000
ADDRESSES = 10


@pytest.mark.slow
def test_a_thousand_guesses_hash_a_few_and_keep_nobody_out(own_app: RunningApp) -> None:
    email = own_app.person(Role.REVIEWER)
    own = TestClient(own_app.client.app, client=("198.51.100.7", 1), follow_redirects=False)
    assert own.post("/login", data={"email": email, "password": PASSWORD}).status_code == 303
    own.post("/logout")

    def guess(number: int) -> tuple[str, int, str | None]:
        address = f"192.0.2.{number % ADDRESSES}"
        browser = TestClient(own_app.client.app, client=(address, 1), follow_redirects=False)
        answer = browser.post("/login", data={"email": email, "password": f"guess number {number}"})
        return address, answer.status_code, answer.headers.get("retry-after")

    began = time.monotonic()
    with ThreadPoolExecutor(16) as threads:
        guesses = threads.map(guess, range(GUESSES))
        inside = own.post("/login", data={"email": email, "password": PASSWORD})
        outcomes = list(guesses)
    took_s = time.monotonic() - began
    met = Counter(status for _, status, _ in outcomes)
    assert set(met) == {401, 429}, met
    assert all(int(retry or 0) >= 1 for _, status, retry in outcomes if status == 429)
    assert met[401] <= STRANGERS.count * (took_s / STRANGERS.seconds + 1)
    for address in {address for address, _, _ in outcomes}:
        hashed = sum(1 for each, status, _ in outcomes if each == address and status == 401)
        assert hashed <= ACCOUNT_AND_ADDRESS.count * (took_s / ACCOUNT_AND_ADDRESS.seconds + 1)
    assert inside.status_code == 303, "the one who works here was kept out"
    with own_app.services.database.reading() as session:
        lines = TrailService(session, None).page(TrailFilter(Act.SIGN_IN_FAILED), limit=GUESSES).events
    assert len(lines) == met[401]
