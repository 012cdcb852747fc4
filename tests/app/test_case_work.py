"""The pages of a case beside its gallery, with real rows behind them: details, readings, signatures."""

import re
import uuid

import pytest
from starlette.testclient import TestClient

from app.accounts.permissions import Role
from tests.app.conftest import PASSWORD, RunningApp, png_of
from tests.app.test_cases import case_when_scored, open_case, upload
from tests.app.test_pages import browser

PART = {"HX-Request": "true"}


@pytest.fixture
def case(app: RunningApp, lab: dict[str, str]) -> str:
    """Address of a scored case of three cells."""
    case_id = open_case(app, lab, accession=f"W-{uuid.uuid4().hex[:8]}")
    upload(app, lab, case_id, [png_of(seed) for seed in (1, 2, 3)])
    case_when_scored(app, lab, case_id)
    return f"/cases/{case_id}"


def seen(page: str) -> list[str]:
    """The cells of a gallery as a verdict names them."""
    return re.findall(r'name="cell" value="([^"]+)"', page)


def version(page: str) -> str:
    found = re.search(r'name="seen_version" value="(\d+)"', page)
    assert found
    return found[1]


def change(client: TestClient, case: str, **fields: str) -> int:
    page = client.get(f"{case}/details").text
    form = {"seen_version": version(page), **fields}
    return client.post(f"{case}/details", data=form, follow_redirects=False).status_code


def sign(
    client: TestClient, case: str, kind: str = "sign", password: str = PASSWORD, reason: str = ""
) -> int:
    page = client.get(f"{case}/sign-off").text
    form = {"kind": kind, "seen_version": version(page), "password": password, "reason": reason}
    return client.post(f"{case}/sign-off", data=form, follow_redirects=False).status_code


def judge(client: TestClient, case: str, cells: list[str], verdict: str = "malignant_lymphoblast") -> int:
    form = {"verdict": verdict, "cell": cells}
    return client.post(f"{case}/verdicts", data=form, headers=PART).status_code


def test_a_form_without_script_gives_one_verdict_to_the_ticked_cells(app: RunningApp, case: str) -> None:
    client = browser(app)
    ticked = seen(client.get(case).text)[:2]
    answer = client.post(f"{case}/verdicts", data={"verdict": "uncertain", "cell": ticked})
    assert answer.status_code == 200
    assert answer.text.count("Saved in bulk") == 2


def test_a_stale_tile_is_a_conflict_that_shows_the_newer_verdict(app: RunningApp, case: str) -> None:
    first, second = browser(app), browser(app)
    cell = seen(first.get(case).text)[:1]
    second.get(case)
    assert judge(first, case, cell) == 200
    answer = second.post(f"{case}/verdicts", data={"verdict": "uncertain", "cell": cell}, headers=PART)
    assert answer.status_code == 409
    assert "data-conflict=" in answer.text
    assert "Lymphoblast" in answer.text


def test_an_undone_verdict_leaves_the_tile_and_stays_in_the_history(app: RunningApp, case: str) -> None:
    client = browser(app)
    cell = seen(client.get(case).text)[0]
    judge(client, case, [cell])
    now = next(each for each in seen(client.get(case).text) if each[:36] == cell[:36])
    answer = client.post(f"{case}/undo", data={"cell": [now]}, headers=PART)
    assert "No verdict" in answer.text
    assert "taken back" in client.get(f"/cells/{cell[:36]}").text


def test_news_is_silent_until_something_changes_and_brings_the_changed_tile(
    app: RunningApp, case: str
) -> None:
    client = browser(app)
    page = client.get(case).text
    address = re.search(r'hx-get="([^"]+/news[^"]+)"', page)
    assert address
    asked = address[1].replace("&amp;", "&")
    assert client.get(asked).status_code == 204
    cell = seen(page)[0]
    judge(browser(app), case, [cell])
    answer = client.get(asked).text
    assert f'hx-target="#place-{cell[:36]}"' in answer


def test_the_second_reader_sees_pictures_and_nothing_of_the_model_or_the_first_reader(
    app: RunningApp, case: str
) -> None:
    first, second = browser(app), browser(app)
    cells = seen(first.get(case).text)
    assert change(first, case, second_read="true") == 303
    judge(first, case, cells[:1])
    page = second.get(case).text
    assert "You read this case blind" in page
    assert "probability of malignant" not in page
    assert 'chip-malignant"' not in page
    assert "Saved, " not in page
    assert second.get(f"/api/v1/cells/{cells[0][:36]}/heatmap.png").status_code == 404
    cell_page = second.get(f"/cells/{cells[0][:36]}").text
    assert "heatmap.png" not in cell_page
    assert "Measurements" not in cell_page


def test_both_readings_and_an_adjudication_make_a_case_that_can_be_signed(app: RunningApp, case: str) -> None:
    first, second = browser(app), browser(app)
    cells = seen(first.get(case).text)
    change(first, case, second_read="true")
    assert judge(first, case, cells) == 200
    blinded = seen(second.get(case).text)
    assert judge(second, case, blinded[:1], "normal_precursor") == 200
    assert sign(first, case) == 409
    assert judge(second, case, blinded[1:]) == 200
    page = first.get(f"{case}/sign-off").text
    assert "2 of 3" in page
    assert "1 cell on which the two readers differ" in page
    differing = seen(first.get(f"{case}?disagreement=readers").text)
    assert len(differing) == 1
    assert judge(first, case, differing, "uncertain") == 200
    assert sign(first, case) == 303
    assert "Signed" in first.get(case).text


def test_signing_needs_the_password_and_closes_the_case_until_it_is_amended(
    app: RunningApp, case: str
) -> None:
    client = browser(app)
    cells = seen(client.get(case).text)
    judge(client, case, cells)
    assert sign(client, case, password="another password") == 401
    assert sign(client, case) == 303
    assert judge(client, case, [f"{cell[:36]}:1" for cell in cells[:1]]) == 409
    assert sign(client, case, "amend") == 422
    assert sign(client, case, "amend", reason="Cell 2 was misread.") == 303
    page = client.get(f"{case}/sign-off").text
    assert "This case was signed and is open again" in page
    assert "Cell 2 was misread." in page
    assert sign(client, case) == 303
    assert sign(client, case, "retract", reason="Another patient.") == 303
    signatures = client.get(f"{case}/sign-off").text
    assert [signatures.count(f"number {number}") for number in (1, 2, 3, 4)] == [1, 1, 1, 1]


def test_a_viewer_signs_nothing(app: RunningApp, case: str) -> None:
    client = browser(app, Role.VIEWER)
    assert "Signing needs the role" in client.get(f"{case}/sign-off").text
    assert client.post(f"{case}/sign-off", data={}).status_code == 403


def test_details_are_kept_and_a_wrong_field_says_why(app: RunningApp, case: str) -> None:
    client = browser(app)
    fields = {"specimen": "bone_marrow_aspirate", "objective": "100", "micrometres_per_pixel": "0.16"}
    assert change(client, case, **fields) == 303
    assert 'value="0.16"' in client.get(f"{case}/details").text
    assert "10 µm" in client.get(case).text
    assert change(client, case, objective="4000") == 422
    page = client.get(f"{case}/details").text
    stale = {"seen_version": "1", "notes": "late"}
    assert client.post(f"{case}/details", data=stale).status_code == 409
    assert 'value="100"' in page


def test_permission_to_reuse_is_added_to_its_history(app: RunningApp, case: str) -> None:
    client = browser(app)
    for reuse, basis in (("local_training", "Consent form 118"), ("none", "Withdrawn in writing")):
        page = client.get(f"{case}/details").text
        form = {"reuse": reuse, "basis": basis, "seen_version": version(page)}
        assert client.post(f"{case}/reuse", data=form).status_code == 200
    page = client.get(f"{case}/details").text
    assert page.index("Withdrawn in writing") < page.index("Consent form 118")


def test_a_voided_cell_leaves_the_counts_and_stays_in_sight(app: RunningApp, case: str) -> None:
    client = browser(app)
    cell = seen(client.get(case).text)[0][:36]
    client.post(f"/cells/{cell}/void", data={"reason": "Belongs to another accession."})
    assert "Belongs to another accession." in client.get(f"/cells/{cell}").text
    page = client.get(case).text
    assert page.count("Voided</span>") == 1
    assert '<span class="number">2</span><span class="verdict-chip verdict-none">No verdict yet' in page
