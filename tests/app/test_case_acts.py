"""Acts on a case over REST: editing with If-Match, bulk verdicts, voiding, signing, the summary."""

import uuid

import pytest
from starlette.testclient import TestClient

from app.accounts.permissions import Role, Scope
from tests.app.cases import Desk
from tests.app.conftest import PASSWORD, RunningApp
from tests.app.test_cases import case_when_scored, open_case, png_of, upload

SIGN = {"password": PASSWORD}


def browser(app: RunningApp, role: Role = Role.REVIEWER) -> TestClient:
    """A signed-in person, beside the app's own client."""
    client = TestClient(app.client.app, base_url="http://testserver")
    answer = client.post(
        "/login", data={"email": app.person(role), "password": PASSWORD}, follow_redirects=False
    )
    assert answer.status_code == 303
    return client


def scored_case(app: RunningApp, lab: dict[str, str], cells: int = 2) -> tuple[str, list[str]]:
    case_id = open_case(app, lab)
    upload(app, lab, case_id, [png_of(seed) for seed in range(1, cells + 1)])
    case = case_when_scored(app, lab, case_id)
    return f"/api/v1/cases/{case_id}", [cell["id"] for cell in case["contents"]]


def test_an_edit_carries_the_version_it_saw(app: RunningApp, lab: dict[str, str]) -> None:
    address = f"/api/v1/cases/{open_case(app, lab)}"
    change = {
        "subject_ref": "S-1",
        "notes": "second aspirate",
        "acquisition": {"stain": "wright", "objective": 63},
    }
    done = app.client.patch(address, headers=lab | {"If-Match": '"1"'}, json=change)
    assert (done.status_code, done.headers["etag"], done.json()["version"]) == (200, '"2"', 2)
    assert done.json()["acquisition"]["objective"] == 63
    stale = app.client.patch(address, headers=lab | {"If-Match": '"1"'}, json={"notes": ""})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    kept = app.client.patch(address, headers=lab | {"If-Match": "2"}, json={"subject_ref": None}).json()
    assert (kept["subject_ref"], kept["notes"]) == (None, "second aspirate")


@pytest.mark.parametrize("if_match", [None, "", "x", "-1"])
def test_an_edit_without_a_version_is_refused(
    app: RunningApp, lab: dict[str, str], if_match: str | None
) -> None:
    headers = lab if if_match is None else lab | {"If-Match": if_match}
    answer = app.client.patch(f"/api/v1/cases/{uuid.uuid4()}", headers=headers, json={})
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_two_cases_never_share_an_accession(app: RunningApp, lab: dict[str, str]) -> None:
    taken = f"T-{uuid.uuid4().hex[:8]}"
    open_case(app, lab, accession=taken)
    address = f"/api/v1/cases/{open_case(app, lab)}"
    answer = app.client.patch(address, headers=lab | {"If-Match": "1"}, json={"accession": taken})
    assert answer.status_code == 409


def test_a_case_is_reviewed_signed_amended_and_retracted_over_rest(
    app: RunningApp, lab: dict[str, str]
) -> None:
    address, cells = scored_case(app, lab)
    person = browser(app)
    many = {"verdict": "normal_precursor", "cells": [{"cell_id": cell, "seen": 0} for cell in cells]}
    given = person.post(f"{address}/reviews", json=many)
    assert [review["bulk"] for review in given.json()] == [True, True]
    undone = person.post(f"/api/v1/cells/{cells[0]}/reviews/withdraw", json={"seen": 1})
    assert (undone.status_code, undone.json()["withdraws"]) == (201, 1)
    voided = person.post(f"/api/v1/cells/{cells[1]}/void", json={"reason": "another slide"})
    assert voided.json()["voided"]["reason"] == "another slide"
    checks = person.get(f"{address}/pre-checks").json()
    assert {each["check"] for each in checks["findings"]} >= {"cells_without_verdict", "voided_cells"}
    seen = {"If-Match": str(checks["version"])}
    wrong = person.post(f"{address}/sign-off", headers=seen, json={"password": "not this one"})
    assert wrong.status_code == 401
    signed = person.post(f"{address}/sign-off", headers=seen, json=SIGN)
    assert (signed.status_code, signed.json()["findings"]["cells_without_verdict"]) == (201, 1)
    assert person.post(f"{address}/reviews", json=many).status_code == 409
    for act, state in (("amend", "in_review"), ("sign-off", "amended"), ("retract", "retracted")):
        case = person.get(address).json()
        body = SIGN if act == "sign-off" else SIGN | {"reason": "wrong slide"}
        done = person.post(f"{address}/{act}", headers={"If-Match": f'"{case["version"]}"'}, json=body)
        assert (done.status_code, person.get(address).json()["state"]) == (201, state)
    kinds = [row["kind"] for row in person.get(f"{address}/history").json()["sign_offs"]]
    assert kinds == ["sign", "amend", "sign", "retract"]


def test_a_signed_accession_takes_no_more_cells(app: RunningApp, lab: dict[str, str]) -> None:
    accession = f"S-{uuid.uuid4().hex[:8]}"
    files = {"image": ("cell.png", png_of(1))}
    form = {"accession": accession}
    case_id = app.client.post("/api/v1/predictions", headers=lab, files=files, data=form).json()["case_id"]
    desk = Desk(app)
    desk.sign(desk.persons(1)[0], uuid.UUID(case_id))
    again = app.client.post("/api/v1/predictions", headers=lab, files=files, data=form)
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert app.client.post("/api/v1/cases", headers=lab, json=form).status_code == 409


def test_a_key_neither_signs_nor_voids_nor_permits_reuse(app: RunningApp) -> None:
    key = app.key(*Scope)
    address, cells = scored_case(app, key)
    seen = key | {"If-Match": "1"}
    assert app.client.post(f"{address}/sign-off", headers=seen, json=SIGN).status_code == 403
    assert app.client.post(f"{address}/retract", headers=seen, json=SIGN | {"reason": "x"}).status_code == 403
    assert (
        app.client.post(f"/api/v1/cells/{cells[0]}/void", headers=key, json={"reason": "x"}).status_code
        == 403
    )
    reuse = {"reuse": "shareable", "basis": "consent 7"}
    assert app.client.post(f"{address}/reuse", headers=key, json=reuse).status_code == 403


def test_reuse_is_given_and_withdrawn_also_on_a_signed_case(app: RunningApp, lab: dict[str, str]) -> None:
    address, _ = scored_case(app, lab, 1)
    person = browser(app)
    version = person.get(address).json()["version"]
    assert (
        person.post(f"{address}/sign-off", headers={"If-Match": str(version)}, json=SIGN).status_code == 201
    )
    for reuse, basis in (("local_training", "consent 7"), ("none", "withdrawn by letter")):
        assert person.post(f"{address}/reuse", json={"reuse": reuse, "basis": basis}).status_code == 201
    history = person.get(f"{address}/history").json()["reuse"]
    assert [(row["number"], row["reuse"]) for row in history] == [(1, "local_training"), (2, "none")]


def test_rest_is_blind_for_the_second_reader(app: RunningApp, lab: dict[str, str]) -> None:
    address, cells = scored_case(app, lab)
    first, second = browser(app), browser(app)
    version = app.client.get(address, headers=lab).json()["version"]
    app.client.patch(
        address, headers=lab | {"If-Match": str(version)}, json={"second_read": True, "notes": "blasts?"}
    )
    assert first.post(f"{address}/first-reading").status_code == 204
    first.post(f"/api/v1/cells/{cells[0]}/reviews", json={"verdict": "uncertain"})
    case = second.get(address).json()
    assert (case["blind"], case["reading"], case["notes"]) == (True, "second", None)
    for cell in case["contents"]:
        assert (cell["prediction"], cell["measurements"], cell["reviews"]) == (None, None, [])
    cell = second.get(f"/api/v1/cells/{cells[0]}").json()
    assert (cell["prediction"], cell["reviews"]) == (None, [])
    assert second.get(f"/api/v1/cells/{cells[0]}/heatmap.png").status_code == 404
    assert second.get(f"{address}/pre-checks").status_code == 403
    summary = second.get(f"{address}/summary").json()
    assert (summary["labels"], summary["called_malignant"], summary["known_shares"]) == ({}, None, None)
    assert first.get(f"/api/v1/cells/{cells[0]}").json()["prediction"] is not None
    assert first.get(f"/api/v1/cells/{cells[0]}/heatmap.png").status_code == 200


def test_the_summary_counts_what_counts(app: RunningApp, lab: dict[str, str]) -> None:
    address, cells = scored_case(app, lab, 3)
    app.client.post(
        f"/api/v1/cells/{cells[0]}/reviews", headers=lab, json={"verdict": "malignant_lymphoblast"}
    )
    summary = app.client.get(f"{address}/summary", headers=lab).json()
    assert (summary["cells"], summary["unreviewed"], summary["verdicts"]) == (
        3,
        2,
        {"malignant_lymphoblast": 1},
    )
    assert (sum(summary["labels"].values()), summary["assessable"]) == (3, 3)
    assert summary["machine_agreement"]["cells"] == 1
    assert (summary["corrected_share"], summary["reader_agreement"]) == (None, None)
    assert "stain" in summary["profile"]["missing"]
    assert "no blast percentage" in summary["meaning"]


def test_the_sites_agreement_is_silent_below_ten_cases(app: RunningApp, lab: dict[str, str]) -> None:
    agreement = app.client.get("/api/v1/site/agreement", headers=lab).json()
    assert agreement["kappa"] is None or agreement["cases"] >= 10


def test_an_admin_enters_the_sites_profile(own_app: RunningApp) -> None:
    admin, reader = browser(own_app, Role.ADMIN), browser(own_app)
    profile = {"specimen": "bone_marrow_aspirate", "stain": "jenner_giemsa"}
    assert reader.put("/api/v1/site/acquisition", json=profile).status_code == 403
    assert admin.put("/api/v1/site/acquisition", json=profile).status_code == 200
    assert reader.get("/api/v1/site/acquisition").json()["stain"] == "jenner_giemsa"
