"""Signing in at an OpenID provider: a real one, in a process of its own, that also lies in every way it can."""

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from app.accounts.permissions import Role
from app.accounts.service import AccountService
from tests.app.conftest import RunningApp, start_app
from tests.openid_provider import CLIENT_ID, CLIENT_SECRET, LIES

CALLBACK = "/login/openid/callback"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A running provider."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "tests.openid_provider", str(port)])
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            httpx2.get(f"{address}/keys").raise_for_status()
            break
        except httpx2.TransportError:
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def running(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    yield from start_app(
        tmp_path_factory.mktemp("data"),
        oidc_issuer=issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
    )


def vouch(issuer: str, subject: str, email: str, *, verified: bool = True, lie: str | None = None) -> None:
    """Whom the provider signs in next."""
    person = {"sub": subject, "email": email, "email_verified": verified, "lie": lie}
    httpx2.put(f"{issuer}/person", json=person).raise_for_status()


def go(browser: TestClient, target: str = "/cases") -> str:
    """Out to the provider; the path and query with which it sends the browser back."""
    out = browser.get("/login/openid", params={"next": target})
    assert out.status_code == 303, out.text
    back = httpx2.get(out.headers["location"], follow_redirects=False)
    assert back.status_code == 302, back.text
    parts = urlsplit(back.headers["location"])
    assert parts.path == CALLBACK
    return f"{parts.path}?{parts.query}"


def browser_of(app: RunningApp) -> TestClient:
    return TestClient(app.client.app, follow_redirects=False)


def new_subject() -> str:
    return uuid.uuid4().hex


def test_a_person_with_an_account_comes_in_and_lands_where_the_way_began(
    running: RunningApp, issuer: str
) -> None:
    vouch(issuer, new_subject(), running.person(Role.REVIEWER))
    browser = browser_of(running)
    assert "/login/openid?next=/cases" in browser.get("/login?next=/cases").text
    answer = browser.get(go(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
    assert browser.get("/cases").status_code == 200


def test_the_way_out_carries_pkce_state_and_nonce(running: RunningApp) -> None:
    out = browser_of(running).get("/login/openid")
    asked = parse_qs(urlsplit(out.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"http://testserver{CALLBACK}"]
    assert all(len(asked[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))


def test_only_who_an_admin_made_an_account_for_comes_in(running: RunningApp, issuer: str) -> None:
    vouch(issuer, new_subject(), "nobody@lab.example")
    browser = browser_of(running)
    answer = browser.get(go(browser))
    assert (answer.status_code, "There is no account for you" in answer.text) == (403, True)
    assert browser.get("/cases").status_code == 303


def test_an_address_that_the_provider_has_not_verified_opens_nothing(
    running: RunningApp, issuer: str
) -> None:
    vouch(issuer, new_subject(), running.person(Role.ADMIN), verified=False)
    browser = browser_of(running)
    assert browser.get(go(browser)).status_code == 403


def test_an_account_belongs_to_the_first_subject_that_came_with_its_address(
    running: RunningApp, issuer: str
) -> None:
    email, subject = running.person(Role.VIEWER), new_subject()
    vouch(issuer, subject, email)
    first = browser_of(running)
    assert first.get(go(first)).status_code == 303
    vouch(issuer, new_subject(), email)
    second = browser_of(running)
    assert second.get(go(second)).status_code == 403
    vouch(issuer, subject, "moved@lab.example")
    renamed = browser_of(running)
    assert renamed.get(go(renamed)).status_code == 303


def test_a_disabled_account_stays_out(running: RunningApp, issuer: str) -> None:
    email = running.person(Role.VIEWER)
    with running.services.database.unit_of_work() as session:
        accounts = AccountService(session, running.settings.secret, running.services.now())
        accounts.disable(accounts.user_by_email(email))
    vouch(issuer, new_subject(), email)
    browser = browser_of(running)
    assert browser.get(go(browser)).status_code == 403


@pytest.mark.parametrize("lie", LIES)
def test_a_provider_that_lies_signs_nobody_in(running: RunningApp, issuer: str, lie: str) -> None:
    vouch(issuer, new_subject(), running.person(Role.VIEWER), lie=lie)
    browser = browser_of(running)
    answer = browser.get(go(browser))
    assert (answer.status_code, "does not hold" in answer.text) == (403, True)
    assert browser.get("/cases").status_code == 303


def test_an_answer_is_good_for_the_browser_that_asked_and_once(running: RunningApp, issuer: str) -> None:
    vouch(issuer, new_subject(), running.person(Role.VIEWER))
    browser, victim = browser_of(running), browser_of(running)
    back = go(browser)
    assert victim.get(back).status_code == 403
    go(victim)
    assert victim.get(back).status_code == 403
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 403


def test_a_changed_state_is_refused(running: RunningApp, issuer: str) -> None:
    vouch(issuer, new_subject(), running.person(Role.VIEWER))
    browser = browser_of(running)
    back = go(browser)
    state = parse_qs(urlsplit(back).query)["state"][0]
    elsewhere = go(browser_of(running), "/models")
    other_path = parse_qs(urlsplit(elsewhere).query)["state"][0].partition(".")[0]
    for changed in ("", "x", state[:-1], f"{other_path}.{state.partition('.')[2]}"):
        assert browser.get(CALLBACK, params={"code": "x", "state": changed}).status_code in (403, 422)


def test_the_way_back_never_leads_to_another_site(running: RunningApp, issuer: str) -> None:
    vouch(issuer, new_subject(), running.person(Role.VIEWER))
    browser = browser_of(running)
    assert browser.get(go(browser, "https://evil.example/")).headers["location"] == "/"


def test_a_provider_that_changes_its_key_is_followed(running: RunningApp, issuer: str) -> None:
    vouch(issuer, new_subject(), running.person(Role.VIEWER))
    httpx2.put(f"{issuer}/keys").raise_for_status()
    browser = browser_of(running)
    assert browser.get(go(browser)).status_code == 303


def test_a_provider_that_is_away_is_said_and_passwords_still_work(tmp_path: Path) -> None:
    away = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "x", "oidc_client_secret": "y"}
    for app in start_app(tmp_path, **away):
        answer = browser_of(app).get("/login/openid")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert browser_of(app).get("/login").status_code == 200


def test_without_a_provider_there_is_no_such_way_in(tmp_path: Path) -> None:
    for app in start_app(tmp_path):
        assert browser_of(app).get("/login/openid").status_code == 404
        assert "/login/openid" not in browser_of(app).get("/login").text
