"""Headers of every answer there is: pages, parts of pages, pictures, files, refusals of each kind, and the last resort."""

import re
import uuid
from collections.abc import Iterator

import httpx2
import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from app.accounts.permissions import Role, Scope
from app.headers import CONTENT_SECURITY_POLICY
from tests.app.conftest import PASSWORD, RunningApp, png_of, start_app
from tests.faults.test_routes import Lab, address, contents, make_lab, table

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
FOREIGN_PAGE = {"Sec-Fetch-Site": "cross-site"}
"""Changes nothing, so that the tour ends with the sessions it began with."""
PRODUCTION = {
    "env": "production",
    "secret_key": "s" * 32,
    "allowed_hosts": ["testserver"],
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """In production, where https is demanded."""
    yield from start_app(tmp_path_factory.mktemp("data"), **PRODUCTION)


@pytest.fixture(scope="module")
def lab(app: RunningApp) -> Lab:
    return make_lab(app, f"lab-{uuid.uuid4().hex[:6]}")


def assert_secure(answer: httpx2.Response, what: object) -> None:
    headers = answer.headers
    assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE, what
    assert headers["strict-transport-security"].startswith("max-age=31536000"), what
    policy = headers["content-security-policy"]
    assert policy in (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"), what
    assert "unsafe" not in policy, what
    assert "server" not in headers, what
    assert "x-powered-by" not in headers, what
    kept = headers["cache-control"]
    is_static = answer.request.url.path.startswith("/static/")
    assert kept == "no-store" or kept.startswith("private") or is_static, what


def secure_browser(lab: Lab, role: Role) -> TestClient:
    browser = TestClient(lab.app.client.app, base_url="https://testserver", follow_redirects=False)
    form = {"email": lab.people[role].email, "password": PASSWORD}
    assert browser.post("/login", data=form).status_code == 303
    return browser


@pytest.mark.slow
def test_every_route_answers_everybody_with_every_header(lab: Lab) -> None:
    browsers = [TestClient(lab.app.client.app, follow_redirects=False)]
    browsers += [secure_browser(lab, role) for role in (Role.REVIEWER, Role.ADMIN)]
    statuses = set()
    for row in table():
        for browser in browsers:
            for extra in (FOREIGN_PAGE, FOREIGN_PAGE | {"HX-Request": "true"}):
                carried = contents(row, lab.objects)
                carried["headers"] = carried.get("headers", {}) | extra
                answer = browser.request(row.method, address(row.path, lab.objects), **carried)
                assert_secure(answer, (row.key, answer.status_code))
                statuses.add(answer.status_code)
    assert {200, 303, 401, 403, 404} <= statuses


def test_refusals_that_no_route_gives_have_every_header_too(lab: Lab) -> None:
    client = lab.app.client
    big = {"image": ("big.png", b"x" * (66 * 1024 * 1024), "image/png")}
    key = {"Authorization": f"Bearer {lab.keys[Scope.CASES_WRITE]}"}
    refused = {
        404: client.get("/nothing/here"),
        405: client.delete("/cases"),
        400: client.get("/cases", headers={"Host": "evil.example"}),
        413: client.post("/api/v1/predictions", files=big, headers=key),
        422: client.post("/login", data={}),
    }
    for status, answer in refused.items():
        assert answer.status_code == status, answer.text
        assert_secure(answer, status)


def test_an_error_that_nobody_foresaw_has_every_header_and_tells_nothing(lab: Lab) -> None:
    lab.app.scorer.fails_with.append(RuntimeError("Planted-Patient-4711"))  # type: ignore[arg-type]
    browser = TestClient(
        lab.app.client.app,
        base_url="https://testserver",
        raise_server_exceptions=False,
        follow_redirects=False,
    )
    with capture_logs() as logged:  # else structlog's default prints every variable of every frame: 40 s
        answer = browser.post(
            "/api/v1/predictions",
            headers={"Authorization": f"Bearer {lab.keys[Scope.CASES_WRITE]}"},
            files={"image": ("cell.png", png_of(2), "image/png")},
        )
    assert "unexpected_error" in [line["event"] for line in logged]
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "Planted" not in answer.text
    assert "Traceback" not in answer.text
    assert_secure(answer, 500)


def test_static_files_have_every_header_and_are_kept_only_under_a_digest(lab: Lab) -> None:
    page = TestClient(lab.app.client.app).get("/login").text
    files = set(re.findall(r'"(/static/[^"]+)"', page))
    assert len(files) > 3
    for file in files:
        answer = lab.app.client.get(file)
        assert_secure(answer, file)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert lab.app.client.get("/static/app.css").headers["cache-control"] == "no-store"
    missing = lab.app.client.get("/static/nothing.css")
    assert missing.status_code == 404
    assert_secure(missing, "missing")


def test_the_cookies_of_production_are_bound_to_https_and_to_this_host(lab: Lab) -> None:
    browser = TestClient(lab.app.client.app, base_url="https://testserver", follow_redirects=False)
    form = {"email": lab.people[Role.VIEWER].email, "password": PASSWORD}
    cookies = browser.post("/login", data=form).headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if "session=" in cookie)
    assert re.fullmatch(
        r"__Host-leukolens_session=[\w-]{43}; HttpOnly; Path=/; SameSite=lax; Secure", session
    )
    assert all("HttpOnly" in cookie and "Secure" in cookie for cookie in cookies)
