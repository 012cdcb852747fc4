"""The pages with real rows behind them: what they say, how they answer htmx, what surrounds them."""

import re
import uuid

import pytest
from starlette.testclient import TestClient

from app.accounts.permissions import Role
from app.notice import INTENDED_USE
from tests.app.conftest import PASSWORD, RunningApp, png_of, start_app
from tests.app.test_cases import case_when_scored, open_case, upload


def browser(app: RunningApp, role: Role = Role.REVIEWER) -> TestClient:
    client = TestClient(app.client.app)
    assert client.post("/login", data={"email": app.person(role), "password": PASSWORD}).status_code == 200
    return client


def cell_of(app: RunningApp, headers: dict[str, str], seed: int = 1) -> dict[str, str]:
    files = {"image": ("cell.png", png_of(seed))}
    made: dict[str, str] = app.client.post("/api/v1/predictions", headers=headers, files=files).json()
    return made


@pytest.mark.parametrize(
    "path", ["/", "/cases", "/models", "/models/drawn-vgg16/0.1.0", "/monitoring", "/pictures", "/admin"]
)
def test_every_page_names_the_model_the_person_and_the_intended_use(app: RunningApp, path: str) -> None:
    page = browser(app, Role.ADMIN).get(path)
    assert page.status_code == 200
    for text in ("drawn-vgg16", "A admin", INTENDED_USE):
        assert text in page.text


def test_a_case_shows_its_tiles_counts_and_refusals(app: RunningApp, lab: dict[str, str]) -> None:
    case_id = open_case(app, lab, accession=f"P-{uuid.uuid4().hex[:8]}")
    upload(app, lab, case_id, [png_of(1), b"words", png_of(2)])
    case_when_scored(app, lab, case_id)
    page = browser(app).get(f"/cases/{case_id}").text
    assert page.count('class="place"') == 2
    assert "Not an accepted image format" in page
    assert "Not recorded: specimen" in page


def test_a_gallery_has_pages_of_36_tiles(own_app: RunningApp) -> None:
    from app.cases.service import CaseService, Origin
    from app.inference.upload import read_upload

    own_app.client.portal.call(own_app.services.backlog.stop)
    client = browser(own_app)
    who = own_app.identity()
    picture = read_upload(png_of(1))
    with own_app.services.database.unit_of_work() as session:
        cases = CaseService(session, own_app.services.now())
        case, _ = cases.open_case(who, None)
        for _ in range(40):
            cases.add_cell(who, case.id, picture, None, Origin(), leased=False)
    first = client.get(f"/cases/{case.id}").text
    more = re.search(
        rf'href="(/cases/{case.id}\?start=36)" hx-get="(/cases/{case.id}/tiles\?start=36)"', first
    )
    assert more
    assert first.count("/thumbnail.png") == 36
    for rest in more.groups():
        assert client.get(rest).text.count("/thumbnail.png") == 4


def test_a_cell_shows_bar_number_band_model_and_crop(app: RunningApp, lab: dict[str, str]) -> None:
    made = cell_of(app, lab)
    page = browser(app).get(f"/cells/{made['cell_id']}").text
    p = made["probabilities"]["malignant"]  # type: ignore[index]
    for text in (f"{p:.3f}", f"{1 - p:.3f}", "Indeterminate band", made["model"]["sha256"][:12], "crop.png"):  # type: ignore[index]
        assert text in page


def test_htmx_gets_parts_and_a_plain_form_gets_a_page(app: RunningApp, lab: dict[str, str]) -> None:
    made = cell_of(app, lab)
    client = browser(app)
    address = f"/cells/{made['cell_id']}/verdict"
    part = client.post(
        address,
        data={"verdict": "uncertain", "seen_version": "0", "note": "blurred"},
        headers={"HX-Request": "true"},
    )
    assert part.status_code == 200
    assert "<html" not in part.text
    assert "Saved: Uncertain" in part.text
    plain = client.post(
        address, data={"verdict": "normal_precursor", "seen_version": "1"}, follow_redirects=False
    )
    assert (plain.status_code, plain.headers["location"]) == (303, f"/cells/{made['cell_id']}")


@pytest.mark.parametrize("htmx", [True, False])
def test_a_stale_verdict_keeps_its_note_and_shows_the_newer_one(
    app: RunningApp, lab: dict[str, str], htmx: bool
) -> None:
    made = cell_of(app, lab)
    first, second = browser(app), browser(app)
    address = f"/cells/{made['cell_id']}/verdict"
    first.post(address, data={"verdict": "malignant_lymphoblast", "seen_version": "0"})
    answer = second.post(
        address,
        data={"verdict": "normal_precursor", "seen_version": "0", "note": "looks mature"},
        headers={"HX-Request": "true"} if htmx else {},
    )
    assert answer.status_code == 409
    assert ("<html" in answer.text) is not htmx
    for text in ("looks mature", "Malignant lymphoblast", "after verdict 0"):
        assert text in answer.text


def test_a_viewer_sees_the_verdicts_and_no_form(app: RunningApp, lab: dict[str, str]) -> None:
    made = cell_of(app, lab)
    page = browser(app, Role.VIEWER).get(f"/cells/{made['cell_id']}").text
    assert "A verdict needs the role Reviewer or Admin" in page
    assert 'name="verdict"' not in page


def test_the_sample_is_a_case_marked_as_drawn(app: RunningApp) -> None:
    client = browser(app)
    page = client.post("/sample")
    assert page.status_code == 200
    assert "Drawn, not a real cell" in page.text
    assert "Drawn, not a real cell" in client.get("/cases").text


def test_a_missing_page_is_a_page_with_navigation_for_who_is_signed_in(app: RunningApp) -> None:
    answer = browser(app).get("/nowhere")
    assert answer.status_code == 404
    assert "Sign out" in answer.text
    assert "not_found" in answer.text


def test_every_route_of_the_api_stands_on_its_page(app: RunningApp) -> None:
    page = TestClient(app.client.app).get("/api").text
    paths = app.client.get("/openapi.json").json()["paths"]
    assert len(paths) >= 10
    assert all(f"{path}</code>" in page for path in paths)
    assert "client_ref" in page


def test_json_clients_never_get_html(app: RunningApp, lab: dict[str, str]) -> None:
    for method, path in (("GET", "/api/v1/nowhere"), ("DELETE", "/api/v1/cases"), ("GET", "/api/v1/cells/x")):
        answer = app.client.request(method, path, headers=lab)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@pytest.mark.parametrize("path", ["/login", "/api/v1/cases", "/static/app.css", "/nowhere", "/livez"])
def test_secure_headers_are_on_every_answer(app: RunningApp, path: str) -> None:
    headers = TestClient(app.client.app).get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_a_versioned_static_file_may_be_kept(app: RunningApp) -> None:
    address = re.search(r'"(/static/app\.css\?v=[0-9a-f]+)"', app.client.get("/login").text)
    assert address
    assert "immutable" in app.client.get(address[1]).headers["cache-control"]


def test_the_first_admin_is_made_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    from app.accounts.service import AccountService
    from app.clock import utc_now
    from app.database import Database

    for app in start_app(tmp_path_factory.mktemp("fresh")):
        with Database(app.engine).unit_of_work() as session:
            token = AccountService(session, app.settings.secret, utc_now()).offer_setup()
        form = {"email": "first@lab.example", "name": "First", "password": "short"}
        short = app.client.post(f"/setup/{token}", data=form)
        assert (short.status_code, "12 to 200 characters" in short.text) == (422, True)
        made = app.client.post(f"/setup/{token}", data=form | {"password": PASSWORD})
        assert (made.status_code, "Upload cells" in made.text) == (200, True)
        again = TestClient(app.client.app).post(f"/setup/{token}", data=form | {"password": PASSWORD})
        assert again.status_code == 404
        with Database(app.engine).unit_of_work() as session:
            assert AccountService(session, app.settings.secret, utc_now()).offer_setup() is None
