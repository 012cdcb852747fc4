"""The guard: sessions, keys, foreign pages, idempotency. Who may call which route: tests/faults/routes.csv."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa
from fastapi import APIRouter
from starlette.testclient import TestClient

from app.accounts.permissions import BY_ROLE, BY_SCOPE, Permission, Role, Scope
from app.accounts.sessions import ABSOLUTE_LIMIT, IDLE_LIMIT
from app.guard import GuardedRoute
from tests.app.conftest import PASSWORD, RunningApp, png_of


def test_a_route_without_a_policy_cannot_be_built() -> None:
    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(TypeError, match="declares no policy"):
        router.get("/hole")(lambda: None)


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (Permission.OWN_ACCOUNT, {Role.VIEWER, Role.REVIEWER, Role.ADMIN}),
        (Permission.SEE_CASES, {Role.VIEWER, Role.REVIEWER, Role.ADMIN}),
        (Permission.UPLOAD, {Role.REVIEWER, Role.ADMIN}),
        (Permission.VOID, {Role.REVIEWER, Role.ADMIN}),
        (Permission.GIVE_VERDICT, {Role.REVIEWER, Role.ADMIN}),
        (Permission.SIGN, {Role.REVIEWER}),
        (Permission.SEE_MODELS, {Role.VIEWER, Role.REVIEWER, Role.ADMIN}),
        (Permission.MANAGE_MODELS, {Role.ADMIN}),
        (Permission.MANAGE_MESSAGES, {Role.ADMIN}),
        (Permission.MANAGE_ACCOUNTS, {Role.ADMIN}),
        (Permission.SEE_AUDIT, {Role.ADMIN}),
    ],
)
def test_a_permission_belongs_to_these_roles(permission: Permission, roles: set[Role]) -> None:
    assert {role for role, permissions in BY_ROLE.items() if permission in permissions} == roles


def test_no_key_signs_voids_or_sees_accounts() -> None:
    assert not frozenset().union(*BY_SCOPE.values()) & {
        Permission.OWN_ACCOUNT,
        Permission.SIGN,
        Permission.VOID,
        Permission.MANAGE_ACCOUNTS,
        Permission.MANAGE_MESSAGES,
        Permission.SEE_AUDIT,
    }


@pytest.mark.parametrize("bad", ["Bearer nonsense", "Bearer leuko_" + "A" * 43])
def test_a_wrong_key_is_refused(app: RunningApp, bad: str) -> None:
    answer = app.client.get("/api/v1/cases", headers={"Authorization": bad})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_revoked_key_ends_at_once(app: RunningApp) -> None:
    headers = app.key(Scope.CASES_READ)
    assert app.client.get("/api/v1/cases", headers=headers).status_code == 200
    with app.engine.begin() as connection:
        connection.execute(sa.text("UPDATE api_keys SET revoked_at = created_at"))
    assert app.client.get("/api/v1/cases", headers=headers).status_code == 401


def signed_in(app: RunningApp, role: Role = Role.REVIEWER) -> TestClient:
    browser = TestClient(app.client.app, follow_redirects=False)
    answer = browser.post("/login", data={"email": app.person(role), "password": PASSWORD, "next": "/cases"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/cases")
    return browser


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(app: RunningApp) -> None:
    browser = TestClient(app.client.app, follow_redirects=False)
    answer = browser.post("/login", data={"email": app.person(Role.VIEWER), "password": PASSWORD})
    assert re.search(r"HttpOnly; Path=/; SameSite=lax", answer.headers["set-cookie"])


def test_signing_out_ends_the_session_on_the_server(app: RunningApp) -> None:
    browser = signed_in(app)
    cookie = dict(browser.cookies)
    assert browser.get("/cases").status_code == 200
    browser.post("/logout")
    stolen = TestClient(app.client.app, follow_redirects=False, cookies=cookie)
    assert stolen.get("/cases").headers["location"].startswith("/login")


@pytest.mark.parametrize(("column", "limit"), [("last_seen_at", IDLE_LIMIT), ("created_at", ABSOLUTE_LIMIT)])
def test_a_session_ends_by_idleness_and_by_age(app: RunningApp, column: str, limit: timedelta) -> None:
    from app.accounts.tables import LoginSession

    browser = signed_in(app)
    assert browser.get("/cases").status_code == 200
    late = app.services.now() - limit - timedelta(seconds=1)
    with app.engine.begin() as connection:
        connection.execute(sa.update(LoginSession).values({column: late}))
    assert browser.get("/cases").status_code == 303


def test_a_disabled_account_ends_at_once(app: RunningApp) -> None:
    browser = signed_in(app)
    with app.engine.begin() as connection:
        connection.execute(sa.text("UPDATE users SET disabled_at = created_at"))
    assert browser.get("/cases").status_code == 303


def test_wrong_password_and_unknown_address_get_the_same_answer(app: RunningApp) -> None:
    email = app.person(Role.VIEWER)
    answers = [
        app.client.post("/login", data={"email": address, "password": "not the password"})
        for address in (email, "nobody@lab.example")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text.replace(email, "") == answers[1].text.replace("nobody@lab.example", "")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(app: RunningApp, target: str) -> None:
    browser = TestClient(app.client.app, follow_redirects=False)
    data = {"email": app.person(Role.VIEWER), "password": PASSWORD, "next": target}
    assert browser.post("/login", data=data).headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_change_asked_for_by_another_sites_page_is_refused(
    app: RunningApp, headers: dict[str, str]
) -> None:
    browser = signed_in(app)
    for address in ("/api/v1/cases", "/sample", "/logout", "/login"):
        assert browser.post(address, headers=headers).status_code == 403
    assert browser.get("/cases").status_code == 200


def test_our_own_pages_may_ask_for_changes(app: RunningApp) -> None:
    browser = signed_in(app)
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://testserver"}, {}):
        assert browser.post("/api/v1/cases", json={}, headers=headers).status_code == 201


def test_one_key_gives_one_case_and_the_same_answer(app: RunningApp, lab: dict[str, str]) -> None:
    headers = lab | {"Idempotency-Key": "same"}
    first, second = (app.client.post("/api/v1/cases", headers=headers, json={}) for _ in range(2))
    assert first.json() == second.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


def test_a_key_for_another_request_is_refused(app: RunningApp, lab: dict[str, str]) -> None:
    headers = lab | {"Idempotency-Key": "mine"}
    app.client.post("/api/v1/cases", headers=headers, json={"accession": "K-1"})
    answer = app.client.post("/api/v1/cases", headers=headers, json={"accession": "K-2"})
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_multipart_requests_are_compared_by_their_parts(app: RunningApp, lab: dict[str, str]) -> None:
    headers = lab | {"Idempotency-Key": "parts"}
    bodies = [
        app.client.post("/api/v1/predictions", headers=headers, files={"image": ("c.png", png_of(1))})
        for _ in range(2)
    ]
    assert bodies[0].request.headers["content-type"] != bodies[1].request.headers["content-type"]
    assert bodies[0].json() == bodies[1].json()


def test_a_refusal_is_replayed_too(app: RunningApp, lab: dict[str, str]) -> None:
    headers = lab | {"Idempotency-Key": "bad"}
    answers = [
        app.client.post("/api/v1/predictions", headers=headers, files={"image": ("c.png", b"words")})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [415, 415]
    assert answers[0].json() == answers[1].json()


def test_two_callers_may_use_the_same_key(app: RunningApp) -> None:
    cases = {
        app.client.post(
            "/api/v1/cases", headers=app.key(Scope.CASES_WRITE) | {"Idempotency-Key": "ours"}, json={}
        ).json()["id"]
        for _ in range(2)
    }
    assert len(cases) == 2
