"""`POST /predictions`: what it answers, what it stores, and what it refuses without storing anything."""

import hashlib
import io
import uuid

import numpy as np
import pytest
from PIL import Image

from app.cases.service import ATTEMPTS_LIMIT, CaseService, Origin
from app.cases.tables import CellState
from app.errors import EngineUnavailable, ScoreFailed
from app.inference.upload import encode_png, read_upload
from app.notice import INTENDED_USE
from models.classifier import Classifier
from models.drawn_cells import draw_cell
from tests.app.conftest import RunningApp, png_of


def post(app: RunningApp, headers: dict[str, str], data: bytes, **form: str) -> object:
    return app.client.post(
        "/api/v1/predictions", headers=headers, files={"image": ("cell.png", data)}, data=form
    )


def as_bmp(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(draw_cell(seed)).save(buffer, "BMP")
    return buffer.getvalue()


def test_a_prediction_says_what_the_contract_promises(app: RunningApp, lab: dict[str, str]) -> None:
    answer = post(app, lab, png_of(1), accession=f"A-{uuid.uuid4().hex[:8]}", client_ref="slide 7, cell 3")
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {
        "case_id",
        "cell_id",
        "image_sha256",
        "probabilities",
        "label",
        "reasons",
        "prediction_set",
        "model",
        "quality",
        "notice",
    }
    assert sum(body["probabilities"].values()) == pytest.approx(1.0, abs=1e-6)
    assert body["image_sha256"] == hashlib.sha256(png_of(1)).hexdigest()
    assert body["label"] in ("malignant", "healthy", "indeterminate")
    assert set(body["model"]) == {"name", "version", "sha256"}
    assert INTENDED_USE in body["notice"]


def test_bmp_png_and_the_classifier_alone_agree(app: RunningApp, lab: dict[str, str]) -> None:
    alone = Classifier.open(app.scorer.folder, "ncnn").classify([draw_cell(2)])[0].p_malignant
    for data in (png_of(2), as_bmp(2)):
        found = post(app, lab, data).json()["probabilities"]["malignant"]
        assert found == pytest.approx(alone, abs=1e-6)


def test_the_case_and_its_picture_are_there_afterwards(app: RunningApp, lab: dict[str, str]) -> None:
    accession = f"A-{uuid.uuid4().hex[:8]}"
    made = post(app, lab, as_bmp(3), accession=accession).json()
    listed = app.client.get("/api/v1/cases", headers=lab, params={"search": accession}).json()["cases"]
    assert [case["id"] for case in listed] == [made["case_id"]]
    picture = app.client.get(f"/api/v1/cells/{made['cell_id']}/image.png", headers=lab)
    assert picture.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(picture.content))), draw_cell(3))


def test_the_crop_is_what_the_network_saw(app: RunningApp, lab: dict[str, str]) -> None:
    made = post(app, lab, png_of(4)).json()
    answer = app.client.get(f"/api/v1/cells/{made['cell_id']}/crop.png", headers=lab)
    recipe = Classifier.open(app.scorer.folder, "ncnn").bundle.manifest.preprocessing
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(answer.content))), recipe.crop(draw_cell(4))
    )


def test_a_repeated_accession_joins_its_case(app: RunningApp, lab: dict[str, str]) -> None:
    accession = f"A-{uuid.uuid4().hex[:8]}"
    first, second = (post(app, lab, png_of(seed), accession=accession).json() for seed in (5, 6))
    assert first["case_id"] == second["case_id"]
    assert first["cell_id"] != second["cell_id"]


def jpeg_photograph() -> bytes:
    colours = np.random.default_rng(0).integers(60, 255, (450, 450, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colours).save(buffer, "JPEG")
    return buffer.getvalue()


def resized() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(draw_cell(1)).resize((449, 450)).save(buffer, "PNG")
    return buffer.getvalue()


def black() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (450, 450)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        pytest.param(b"just words\n" * 50, 415, "unsupported_media_type", id="text"),
        pytest.param(png_of(1)[:20000], 422, "image_unreadable", id="truncated PNG"),
        pytest.param(resized(), 422, "image_wrong_size", id="449x450"),
        pytest.param(black(), 422, "image_empty", id="all black"),
        pytest.param(jpeg_photograph(), 422, "image_not_segmented", id="photograph"),
        pytest.param(bytes(3_000_000), 413, "payload_too_large", id="3 MB"),
    ],
)
def test_a_file_of_bad_form_gets_its_code_and_leaves_no_file_and_no_row(
    app: RunningApp, lab: dict[str, str], data: bytes, status: int, code: str
) -> None:
    tables = ("cases", "cells", "predictions")
    before = [app.count(table) for table in tables], app.stored_files()
    answer = post(app, lab, data, accession="never-stored")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.json()["status"] == status
    assert answer.json()["detail"]
    assert ([app.count(table) for table in tables], app.stored_files()) == before


def test_the_names_of_files_decide_nothing(app: RunningApp, lab: dict[str, str]) -> None:
    for name in ("../../etc/passwd", "cell.html", "x" * 300, "zelle\u202egnp.exe"):
        files = {"image": (name, png_of(1), "text/html")}
        assert app.client.post("/api/v1/predictions", headers=lab, files=files).status_code == 201
    assert all(path.suffix == ".png" for path in app.stored_files())


@pytest.mark.parametrize("accession", ["two words", "", "a" * 65, "=cmd()", "../up"])
def test_an_accession_of_another_form_is_refused_or_ignored_when_empty(
    app: RunningApp, lab: dict[str, str], accession: str
) -> None:
    answer = post(app, lab, png_of(1), accession=accession)
    assert answer.status_code == (201 if accession == "" else 422)


def test_an_unknown_case_is_not_found(app: RunningApp, lab: dict[str, str]) -> None:
    answer = post(app, lab, png_of(1), case_id=str(uuid.uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_without_room_the_answer_is_503_before_anything_is_stored(own_app: RunningApp) -> None:
    headers = own_app.key("cases:write")
    own_app.services.admission.taken = own_app.settings.queue_limit
    answer = post(own_app, headers, png_of(1))
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert int(answer.headers["retry-after"]) > 0
    assert own_app.count("cells") == 0


def test_a_cell_whose_engine_is_away_is_kept_and_scored_by_the_retry(own_app: RunningApp) -> None:
    headers = own_app.key("cases:write") | {"Idempotency-Key": "one"}
    own_app.scorer.fails_with.append(EngineUnavailable("The engine is away.", retry_after_s=5))
    first = post(own_app, headers, png_of(1))
    assert (first.status_code, first.json()["code"]) == (503, "engine_unavailable")
    assert own_app.count("cells") == 1
    again = post(own_app, headers, png_of(1))
    assert again.status_code == 201
    assert again.json()["cell_id"] in first.json()["detail"]
    assert own_app.count("cells") == 1


def test_a_cell_that_cannot_be_scored_stays_visible_as_failed(own_app: RunningApp) -> None:
    headers = own_app.key("cases:write", "cases:read")
    own_app.scorer.fails_with.append(ScoreFailed("Expected finite logits, got nan."))
    assert post(own_app, headers, png_of(1)).json()["code"] == "score_failed"
    case = own_app.client.get("/api/v1/cases", headers=headers).json()["cases"][0]
    assert (case["failed"], case["scored"]) == (1, 0)
    assert own_app.count("predictions") == 0


def test_places_are_given_back_whatever_the_answer_was(own_app: RunningApp) -> None:
    headers = own_app.key("cases:write")
    for data in (png_of(1), b"words"):
        post(own_app, headers, data)
    own_app.scorer.fails_with.append(EngineUnavailable("away", retry_after_s=1))
    post(own_app, headers, png_of(2))
    assert own_app.services.admission.taken == 0


def test_waiting_cells_of_two_cases_take_turns(own_app: RunningApp) -> None:
    who = own_app.identity()
    own_app.client.portal.call(own_app.services.backlog.stop)
    with own_app.services.database.unit_of_work() as session:
        cases = CaseService(session, own_app.services.now())
        picture = read_upload(png_of(1))
        large, small = (cases.open_case(who, name)[0].id for name in ("large", "small"))
        for case_id in (large, large, large, small):
            cases.add_cell(who, case_id, picture, None, Origin(), leased=False)
        taken = [cases.take_waiting() for _ in range(5)]
    order = [waiting and waiting.cell.case_id for waiting in taken]
    assert set(order[:2]) == {large, small}
    assert order[2:] == [large, large, None]


def test_a_cell_begun_too_often_is_given_up_and_shown_as_failed(own_app: RunningApp) -> None:
    who = own_app.identity()
    own_app.client.portal.call(own_app.services.backlog.stop)
    with own_app.services.database.unit_of_work() as session:
        cases = CaseService(session, own_app.services.now())
        case, _ = cases.open_case(who, None)
        cell = cases.add_cell(who, case.id, read_upload(png_of(1)), None, Origin(), leased=False)
        for _ in range(ATTEMPTS_LIMIT):
            assert cases.take_waiting() is not None
            cell.lease_until = None
        assert cases.take_waiting() is None
        assert cell.state is CellState.FAILED


def test_a_cell_that_fails_the_gate_is_stored_and_answered_without_probabilities(
    app: RunningApp, lab: dict[str, str]
) -> None:
    answer = post(app, lab, encode_png(draw_cell(1, radius_px=10)))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["label"], body["probabilities"], body["prediction_set"]) == ("not_assessable", None, None)
    assert body["reasons"][0] == "size_outside_training_range"
    assert body["quality"] == {"level": "not_assessable", "reasons": ["size_outside_training_range"]}
    assert app.client.get(f"/api/v1/cells/{body['cell_id']}/heatmap.png", headers=lab).status_code == 404
    kept = app.client.get(f"/api/v1/cells/{body['cell_id']}", headers=lab).json()
    assert kept["prediction"]["label"] == "not_assessable"
