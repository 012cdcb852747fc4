"""What is typed stays text: in pages, paths, queries, headers and spreadsheets, on both databases."""

import csv
import hashlib
import html
import io
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from app.accounts.permissions import Role, Scope
from app.accounts.service import AccountService
from app.database import Base
from tests.app.conftest import PASSWORD, RunningApp, app, png_of  # noqa: F401 - `app` is a fixture
from tests.app.test_accounts import browser_of
from tests.faults.injections import FORMULAS, HEADERS, PATHS, SQL, XSS, some
from tests.faults.test_routes import Lab, address, contents, make_lab, table


@pytest.fixture(scope="module")
def lab(app: RunningApp) -> Lab:  # noqa: F811 - the fixture's value
    return make_lab(app, f"injected-{uuid.uuid4().hex[:6]}")


@pytest.fixture(scope="module")
def reviewer(lab: Lab) -> TestClient:
    return browser_of(lab.app, lab.people[Role.REVIEWER].email)


@pytest.fixture(scope="module")
def system(lab: Lab) -> dict[str, str]:
    """Headers of a key that sends and reads, and headers for a person's verdicts."""
    return {scope: f"Bearer {lab.keys[scope]}" for scope in Scope}


def upload(lab: Lab, name: str, **form: str) -> httpx2.Response:
    return lab.app.client.post(
        "/api/v1/predictions",
        headers={"Authorization": f"Bearer {lab.keys[Scope.CASES_WRITE]}"},
        files={"image": (name, png_of(1), "image/png")},
        data=form,
    )


# --- XSS: in Chromium, too, in test_injection_in_a_browser.py ---


@pytest.mark.parametrize("payload", some(XSS, 5))
def test_markup_that_somebody_typed_is_shown_as_text(lab: Lab, reviewer: TestClient, payload: str) -> None:
    cell_id = lab.objects["cell_id"]
    seen = len(reviewer.get(f"/api/v1/cells/{cell_id}").json()["reviews"])
    told = reviewer.post(
        f"/api/v1/cells/{cell_id}/reviews", json={"verdict": "uncertain", "note": payload, "seen": seen}
    )
    assert told.status_code == 201, told.text
    pages = [
        reviewer.get(f"/cells/{cell_id}"),
        reviewer.get("/cases", params={"q": payload}),
        reviewer.get("/login", params={"next": payload}),
        reviewer.get(f"/cases/{quote(payload, safe='')}"),
        reviewer.post(
            f"/cells/{cell_id}/verdict", data={"verdict": payload, "note": payload, "seen_version": "0"}
        ),
        TestClient(lab.app.client.app).post("/setup/" + quote(payload, safe=""), data={"email": payload}),
    ]
    assert html.escape(payload, quote=False)[:20] in html.unescape(pages[0].text).replace(
        "&", "&amp;"
    ).replace("<", "&lt;").replace(">", "&gt;")
    for page in pages:
        assert page.status_code < 500, page.text
        assert "<" not in payload or payload not in page.text
        assert "49" not in page.text or "{{7*7}}" not in payload or "{{7*7}}" in html.unescape(page.text)


def test_no_template_marks_text_as_safe() -> None:
    templates = list(Path("app/web/templates").rglob("*.html"))
    assert len(templates) > 10
    for template in templates:
        text = template.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", ""), template
        assert "autoescape" not in text, template
        assert "<script>" not in text, template
        assert " style=" not in text, template


# --- paths ---


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below a folder but the case log's and the pictures, with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
        and "case_log" not in path.name
        and "images" not in path.parts
        and "audit" not in path.parts
    }


@pytest.mark.parametrize("payload", some(PATHS, 5))
def test_no_name_is_ever_a_path(lab: Lab, reviewer: TestClient, payload: str) -> None:
    folder = lab.app.settings.data_dir
    before, pictures = snapshot(folder), lab.app.stored_files()
    typed = quote(payload, safe="%/")
    answers = [
        upload(lab, payload),
        upload(lab, "cell.png", accession=payload),
        upload(lab, "cell.png", client_ref=payload),
        *(
            reviewer.get(f"{start}{typed}")
            for start in (
                "/static/",
                "/models/",
                "/models/x/",
                "/models/tiny/0.1.0/report/",
                "/api/v1/cells/",
                "/cases/",
                "/setup/",
            )
        ),
    ]
    assert all(answer.status_code < 500 for answer in answers), [answer.status_code for answer in answers]
    for answer in answers:
        assert "root:x:0" not in answer.text
        assert lab.app.settings.secret.decode() not in answer.text
        assert not answer.content.startswith(b"SQLite format")
    assert snapshot(folder) == before
    new = lab.app.stored_files() - pictures
    assert all(len(path.stem) == 64 and path.suffix == ".png" for path in new), new


# --- SQL ---


@pytest.mark.parametrize("payload", some(SQL, 10))
def test_a_query_in_a_field_is_a_word_that_matches_nothing(
    lab: Lab, system: dict[str, str], payload: str
) -> None:
    client, headers = lab.app.client, {"Authorization": system[Scope.CASES_READ]}
    found = client.get("/api/v1/cases", params={"search": payload}, headers=headers)
    # PostgreSQL takes no NUL in a text, SQLite finds nothing with it.
    assert found.status_code in ((200, 422) if "\x00" in payload else (200,)), found.text
    assert found.json().get("cases", []) == []
    for params in ({"state": payload}, {"cursor": payload}, {"limit": payload}):
        assert client.get("/api/v1/cases", params=params, headers=headers).status_code == 422
    for path in ("/api/v1/cases/", "/api/v1/cells/"):
        assert client.get(path + quote(payload, safe=""), headers=headers).status_code in (404, 422)
    assert upload(lab, "cell.png", accession=payload).status_code in (201, 422)
    assert upload(lab, "cell.png", case_id=payload).status_code == 422
    keyed = client.post(
        "/api/v1/cases",
        headers={
            "Authorization": system[Scope.CASES_WRITE],
            "Idempotency-Key": payload.encode("ascii", "ignore").decode() or "x",
        },
        json={},
    )
    assert keyed.status_code in ((201, 422) if "\x00" in payload else (201,)), keyed.text
    assert lab.app.count("users") > 0


def test_a_search_text_is_literal(lab: Lab, system: dict[str, str]) -> None:
    mark = uuid.uuid4().hex[:6]
    for accession in (f"{mark}_1", f"{mark}x1", f"{mark}/1"):
        assert upload(lab, "cell.png", accession=accession).status_code == 201
    headers = {"Authorization": system[Scope.CASES_READ]}
    found = lab.app.client.get("/api/v1/cases", params={"search": f"{mark}_"}, headers=headers).json()
    assert [case["accession"] for case in found["cases"]] == [f"{mark}_1"]


@pytest.mark.parametrize("payload", SQL[:3])
def test_a_query_at_the_sign_in_form_signs_nobody_in(app: RunningApp, payload: str) -> None:  # noqa: F811
    with app.services.database.reading() as session:
        accounts = AccountService(session, app.settings.secret, app.services.now())
        assert [user.email for user in accounts.users() if user.email == payload] == []
    answer = TestClient(app.client.app).post("/login", data={"email": payload, "password": payload})
    assert answer.status_code in (401, 429)
    assert "leukolens_session" not in answer.cookies


# --- headers ---


@pytest.mark.parametrize("payload", HEADERS)
def test_a_line_break_starts_no_header(lab: Lab, payload: str) -> None:
    browser = TestClient(lab.app.client.app, follow_redirects=False)
    form = {"email": lab.people[Role.VIEWER].email, "password": PASSWORD, "next": payload}
    answers = [
        browser.post("/login", data=form),
        TestClient(lab.app.client.app, follow_redirects=False).get("/cases", params={"q": payload}),
        upload(lab, payload.replace("\r", "").replace("\n", "")),
    ]
    for answer in answers:
        assert answer.status_code < 500
        assert "planted" not in answer.headers.get("set-cookie", "")
        assert "evil.example" not in answer.headers.get("location", "").partition("?")[0]


# --- spreadsheets ---


@pytest.mark.parametrize("payload", some(FORMULAS, 2))
def test_no_cell_of_a_spreadsheet_is_a_formula(lab: Lab, payload: str) -> None:
    """Notes, references and names come from people; every CSV of the service holds them as text."""
    reviewer = browser_of(lab.app, lab.people[Role.REVIEWER].email)
    upload(lab, "cell.png", case_id=str(lab.objects["case_id"]), client_ref=payload.strip())
    cell_id, case_id = lab.objects["cell_id"], lab.objects["case_id"]
    seen = len(reviewer.get(f"/api/v1/cells/{cell_id}").json()["reviews"])
    review = {"verdict": "uncertain", "note": payload, "seen": seen}
    assert reviewer.post(f"/api/v1/cells/{cell_id}/reviews", json=review).status_code == 201
    admin = browser_of(lab.app, lab.people[Role.ADMIN].email)
    files = [reviewer.get(f"/api/v1/cases/{case_id}/report.csv"), admin.get("/audit/export")]
    for file in files:
        assert file.status_code == 200, file.text
        assert file.headers["content-type"].startswith("text/csv")
        cells = [cell for row in csv.reader(io.StringIO(file.text, newline="")) for cell in row]
        assert len(cells) > 10
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


# --- other sites' pages ---

CROSS_SITE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver.evil.example"},
)


@pytest.mark.parametrize("origin", CROSS_SITE, ids=str)
def test_no_change_can_be_asked_for_by_another_sites_page(lab: Lab, origin: dict[str, str]) -> None:
    """Every route that changes something, forms without a token and fetches alike; signed in as who may do it."""
    browsers = {role: browser_of(lab.app, lab.people[role].email) for role in (Role.REVIEWER, Role.ADMIN)}
    before = fingerprint(lab.app)
    changing = [row for row in table() if row.method not in ("GET", "HEAD", "OPTIONS")]
    assert len(changing) > 15
    for row in changing:
        for browser in browsers.values():
            carried = contents(row, lab.objects)
            carried["headers"] = carried.get("headers", {}) | origin
            answer = browser.request(row.method, address(row.path, lab.objects), **carried)
            assert answer.status_code == 403, row.key
    assert fingerprint(lab.app) == before


def test_looking_changes_nothing(lab: Lab) -> None:
    """Whoever gets a browser to open a link has changed nothing, the trail of views apart."""
    browsers = [browser_of(lab.app, lab.people[role].email) for role in Role]
    before = fingerprint(lab.app)
    for row in table():
        if row.method == "GET":
            for browser in browsers:
                answer = browser.get(address(row.path, lab.objects), **contents(row, lab.objects))
                assert answer.status_code < 500, row.key
    assert fingerprint(lab.app) == before


def fingerprint(running: RunningApp) -> dict[str, str]:
    """A digest of each table; what a look itself leaves is apart: the trail, what was seen, the last visit."""
    with running.engine.connect() as connection:
        return {
            name: hashlib.sha256(repr(sorted(map(repr, connection.execute(query)))).encode()).hexdigest()
            for name, query in _queries()
        }


def _queries() -> Iterator[tuple[str, sa.Select[tuple[object, ...]]]]:
    for name, each in Base.metadata.tables.items():
        if name not in ("audit_events", "sightings"):
            columns = [
                column for column in each.columns if column.name not in ("last_seen_at", "last_used_at")
            ]
            yield name, sa.select(*columns)
