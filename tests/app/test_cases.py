"""Cases, their cells, and verdicts over REST."""

import time
import uuid

import pytest

from app.accounts.permissions import Scope
from app.cases.repository import new_id
from tests.app.conftest import RunningApp, png_of


def open_case(app: RunningApp, headers: dict[str, str], **body: str) -> str:
    answer = app.client.post("/api/v1/cases", headers=headers, json=body)
    assert answer.status_code == 201
    case_id: str = answer.json()["id"]
    return case_id


def upload(app: RunningApp, headers: dict[str, str], case_id: str, files: list[bytes]) -> dict[str, object]:
    parts = [("images", (f"{index}.png", data)) for index, data in enumerate(files)]
    answer = app.client.post(f"/api/v1/cases/{case_id}/cells", headers=headers, files=parts)
    assert answer.status_code == 202
    body: dict[str, object] = answer.json()
    return body


def case_when_scored(app: RunningApp, headers: dict[str, str], case_id: str) -> dict[str, object]:
    for _ in range(200):
        case: dict[str, object] = app.client.get(f"/api/v1/cases/{case_id}", headers=headers).json()
        if case["state"] != "open":
            return case
        time.sleep(0.05)
    raise AssertionError("the case was not scored within 10 s")


def test_many_files_are_taken_in_order_and_a_bad_one_fails_alone(
    app: RunningApp, lab: dict[str, str]
) -> None:
    case_id = open_case(app, lab)
    taken = upload(app, lab, case_id, [png_of(1), b"words", png_of(2)])["cells"]
    assert [entry["file"] for entry in taken] == ["0.png", "1.png", "2.png"]
    assert [entry["state"] for entry in taken] == ["stored", "refused", "stored"]
    assert taken[1]["error"]["code"] == "unsupported_media_type"
    case = case_when_scored(app, lab, case_id)
    assert [cell["state"] for cell in case["contents"]] == ["scored", "refused", "scored"]
    assert [cell["position"] for cell in case["contents"]] == [1, 2, 3]
    assert (case["scored"], case["refused"]) == (2, 1)


def test_a_repeated_upload_with_its_key_stores_nothing_twice(app: RunningApp, lab: dict[str, str]) -> None:
    case_id = open_case(app, lab)
    keyed = lab | {"Idempotency-Key": uuid.uuid4().hex}
    first = upload(app, keyed, case_id, [png_of(1), png_of(2)])
    assert upload(app, keyed, case_id, [png_of(1), png_of(2)]) == first
    assert len(case_when_scored(app, lab, case_id)["contents"]) == 2


def test_pages_of_the_case_list_cover_every_case_once(app: RunningApp, lab: dict[str, str]) -> None:
    prefix = f"P{uuid.uuid4().hex[:6]}"
    made = [open_case(app, lab, accession=f"{prefix}-{number}") for number in range(7)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"search": prefix, "limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = app.client.get("/api/v1/cases", headers=lab, params=params).json()
        seen += [case["id"] for case in page["cases"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "MjAyNi0wMS0wMSB4"])
def test_a_made_up_cursor_is_refused(app: RunningApp, lab: dict[str, str], cursor: str) -> None:
    answer = app.client.get("/api/v1/cases", headers=lab, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_request")


@pytest.mark.parametrize("search", ["%", "_", "' OR 1=1 --", "\\"])
def test_a_search_is_taken_literally(app: RunningApp, lab: dict[str, str], search: str) -> None:
    open_case(app, lab)
    answer = app.client.get("/api/v1/cases", headers=lab, params={"search": search})
    assert answer.json()["cases"] == []


@pytest.mark.parametrize("search", ["Q-7/", "q-7/", "Q-7/A", "q-7/a.1_x"])
def test_a_search_finds_the_start_of_an_accession_in_either_case(
    app: RunningApp, lab: dict[str, str], search: str
) -> None:
    made = app.client.post("/api/v1/cases", headers=lab, json={"accession": "Q-7/a.1_X"}).json()["id"]
    for other in ("Q-8/a.1_X", "xQ-7/a.1_X", "Q-7"):
        app.client.post("/api/v1/cases", headers=lab, json={"accession": other})
    found = app.client.get("/api/v1/cases", headers=lab, params={"search": search}).json()["cases"]
    assert [case["id"] for case in found] == [made]


@pytest.mark.parametrize("search", ["\x00", "q\n", "ä", "\u212a"])
def test_a_search_with_what_no_accession_can_hold_finds_nothing(
    app: RunningApp, lab: dict[str, str], search: str
) -> None:
    app.client.post("/api/v1/cases", headers=lab, json={"accession": "K-1"})
    answer = app.client.get("/api/v1/cases", headers=lab, params={"search": search})
    assert (answer.status_code, answer.json()["cases"]) == (200, [])


def test_verdicts_are_added_and_a_stale_one_is_refused(app: RunningApp, lab: dict[str, str]) -> None:
    files = {"image": ("cell.png", png_of(1))}
    cell_id = app.client.post("/api/v1/predictions", headers=lab, files=files).json()["cell_id"]
    address = f"/api/v1/cells/{cell_id}/reviews"
    first = app.client.post(address, headers=lab, json={"verdict": "uncertain", "seen": 0})
    assert (first.status_code, first.json()["number"]) == (201, 1)
    stale = app.client.post(address, headers=lab, json={"verdict": "normal_precursor", "seen": 0})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    second = app.client.post(
        address, headers=lab, json={"verdict": "malignant_lymphoblast", "seen": 1, "note": "nucleoli"}
    )
    assert second.json()["number"] == 2
    reviews = app.client.get(f"/api/v1/cells/{cell_id}", headers=lab).json()["reviews"]
    assert [review["verdict"] for review in reviews] == ["uncertain", "malignant_lymphoblast"]


def test_a_refused_file_gets_no_verdict(app: RunningApp, lab: dict[str, str]) -> None:
    case_id = open_case(app, lab)
    refused = upload(app, lab, case_id, [b"words"])["cells"][0]["cell_id"]
    answer = app.client.post(f"/api/v1/cells/{refused}/reviews", headers=lab, json={"verdict": "uncertain"})
    assert answer.status_code == 409


def test_the_active_model_is_named(app: RunningApp, lab: dict[str, str]) -> None:
    active = app.client.get("/api/v1/models/active", headers=lab).json()
    assert (active["name"], active["version"], active["active"]) == ("drawn-vgg16", "0.1.0", True)
    assert active in app.client.get("/api/v1/models", headers=lab).json()["models"]


def test_another_sites_cases_do_not_exist(own_app: RunningApp) -> None:
    import sqlalchemy as sa

    mine = own_app.key(Scope.CASES_READ, Scope.CASES_WRITE)
    files = {"image": ("cell.png", png_of(1))}
    made = own_app.client.post(
        "/api/v1/predictions", headers=mine, files=files, data={"accession": "S-1"}
    ).json()
    with own_app.engine.begin() as connection:
        other = uuid.uuid4()
        connection.execute(
            sa.text("INSERT INTO sites (id, name) VALUES (:id, 'elsewhere')"), {"id": other.hex}
        )
        connection.execute(sa.text("UPDATE api_keys SET site_id = :id"), {"id": other.hex})
    for address in (
        f"/cases/{made['case_id']}",
        f"/cells/{made['cell_id']}",
        f"/cells/{made['cell_id']}/image.png",
    ):
        answer = own_app.client.get(f"/api/v1{address}", headers=mine)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert own_app.client.get("/api/v1/cases", headers=mine).json()["cases"] == []


def test_ids_of_the_case_log_are_version_7_and_lie_beside_their_neighbours_in_time() -> None:
    made = [new_id() for _ in range(200)]
    assert len(set(made)) == 200
    assert {(each.version, each.variant) for each in made} == {(7, uuid.RFC_4122)}
    assert [each.int >> 80 for each in made] == sorted(each.int >> 80 for each in made)
