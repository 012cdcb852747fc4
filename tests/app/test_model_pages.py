"""The model pages with real bundles behind them: who changes what answers, and whose bytes are served."""

import re
import shutil

import pytest
from starlette.testclient import TestClient

from app.accounts.permissions import Role
from models.bundle import read_bundle
from tests.app.conftest import RunningApp
from tests.app.test_pages import browser
from tests.bundles import NAME, make_bundle
from tests.shipped import SHIPPED, SHIPPED_FOLDER


@pytest.fixture
def admin(own_app: RunningApp) -> TestClient:
    return browser(own_app, Role.ADMIN)


def active_model(client: TestClient) -> str:
    shown = re.search(r'class="active-model"[^>]*>.*?</span> ([^<]+)<', client.get("/models").text)
    assert shown
    return shown[1]


def test_an_admin_activates_with_a_reason_and_rolls_back_with_another(
    own_app: RunningApp, admin: TestClient
) -> None:
    made = admin.post(f"/models/{SHIPPED}/activate", data={"reason": "the real one"})
    assert (made.status_code, "the real one" in made.text) == (200, True)
    assert active_model(admin) == SHIPPED.replace("/", " ")
    back = admin.post("/models/rollback", data={"reason": "too slow here"})
    assert (back.status_code, "too slow here" in back.text) == (200, True)
    assert active_model(admin) == f"{NAME} 0.1.0"
    with own_app.engine.connect() as connection:
        acts = connection.exec_driver_sql(
            "SELECT actor, object_id FROM audit_events WHERE act = 'model.activated' ORDER BY number"
        ).all()
    assert [("server", f"{NAME}/0.1.0"), ("A admin", SHIPPED), ("A admin", f"{NAME}/0.1.0")] == acts


def test_the_page_of_an_ensemble_says_how_many_networks_are_averaged(
    own_app: RunningApp, admin: TestClient
) -> None:
    make_bundle(own_app.settings.model_dir, "0.2.0", members=2)
    assert admin.post(f"/models/{NAME}/0.2.0/activate", data={"reason": "two"}).status_code == 200
    said = [
        "VGG16, 2 of 5 blocks, mean of 2 networks" in admin.get(f"/models/{NAME}/{version}").text
        for version in ("0.2.0", "0.1.0")
    ]
    assert said == [True, False]


def test_the_page_of_the_shipped_model_says_that_two_levels_are_read(admin: TestClient) -> None:
    assert "VGG16, 4 of 5 blocks, two levels read" in admin.get(f"/models/{SHIPPED}").text


@pytest.mark.parametrize("path", [f"/models/{SHIPPED}/activate", "/models/rollback"])
def test_a_change_without_a_reason_changes_nothing(admin: TestClient, path: str) -> None:
    assert admin.post(path, data={"reason": ""}).status_code == 422
    assert active_model(admin) == f"{NAME} 0.1.0"


def test_only_who_may_manage_models_is_offered_the_forms(own_app: RunningApp, admin: TestClient) -> None:
    assert "/activate" in admin.get(f"/models/{SHIPPED}").text
    assert "/activate" not in browser(own_app, Role.REVIEWER).get(f"/models/{SHIPPED}").text


def test_without_an_earlier_model_a_rollback_is_refused_in_words(admin: TestClient) -> None:
    answer = admin.post("/models/rollback", data={"reason": "just so"})
    assert (answer.status_code, "no earlier model" in answer.text) == (409, True)


def test_a_damaged_bundle_stays_inactive_and_the_reason_stays_in_its_field(
    own_app: RunningApp, admin: TestClient
) -> None:
    store = own_app.settings.model_dir
    make_bundle(store, "0.2.0", 1)
    assert admin.post(f"/models/{NAME}/0.2.0/activate", data={"reason": "newer"}).status_code == 200
    admin.post("/models/rollback", data={"reason": "look first"})
    (store / NAME / "0.2.0" / "CARD.md").write_text("altered")
    answer = admin.post(f"/models/{NAME}/0.2.0/activate", data={"reason": "newer"})
    assert (answer.status_code, "stays inactive" in answer.text) == (409, True)
    assert active_model(admin) == f"{NAME} 0.1.0"


def test_report_pictures_are_served_while_their_bytes_are_the_registered_ones(
    own_app: RunningApp, admin: TestClient
) -> None:
    page = admin.get(f"/models/{SHIPPED}").text
    pictures = re.findall(r'src="(/models/[^"]+\.png)"', page)
    plots = sorted(path.name for path in (SHIPPED_FOLDER / "report").glob("*.png"))
    assert [picture.rsplit("/", 1)[1] for picture in pictures] == plots
    served = admin.get(pictures[0])
    assert served.headers["content-type"] == "image/png"
    assert served.content == (SHIPPED_FOLDER / "report/procedure.png").read_bytes()
    copy = own_app.settings.model_dir / SHIPPED
    shutil.copytree(SHIPPED_FOLDER, copy)
    assert admin.get(pictures[0]).status_code == 200
    (copy / "report/procedure.png").write_bytes(b"another picture")
    assert admin.get(pictures[0]).status_code == 409


@pytest.mark.parametrize("file", ["manifest.json", "procedure.json", "..%2FCARD.md", "absent.png"])
def test_nothing_but_report_pictures_is_served(admin: TestClient, file: str) -> None:
    assert admin.get(f"/models/{SHIPPED}/report/{file}").status_code == 404


def test_two_bundles_stand_side_by_side_with_what_differs(admin: TestClient) -> None:
    page = admin.get("/models/compare", params={"left": SHIPPED, "right": f"{NAME}/0.1.0"}).text
    procedure = read_bundle(SHIPPED_FOLDER).manifest.procedure
    assert procedure
    auroc = f"{procedure.metrics['auroc'].value:.3f}"
    for text in ("AUROC", auroc, "Differs: ", "drawn-vgg16 0.1.0", "not stated"):
        assert text in page


def test_a_comparison_with_an_unknown_bundle_is_not_found(admin: TestClient) -> None:
    answer = admin.get("/models/compare", params={"left": SHIPPED, "right": "none/1.0.0"})
    assert answer.status_code == 404
