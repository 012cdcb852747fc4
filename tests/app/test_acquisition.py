"""The acquisition profile: what is missing or unlike training makes a prediction indeterminate, and only that."""

import dataclasses
import uuid

import pytest

from app.accounts.permissions import Role, Scope
from app.cases.acquisition import (
    PROFILE_MISSING,
    UNLIKE_TRAINING,
    AcquisitionProfile,
    CellSelection,
    Specimen,
    Stain,
    check_profile,
)
from app.cases.editing import CaseDetails, CaseEditor
from app.cases.service import CaseService
from app.clock import utc_now
from app.errors import BadRequest
from models.bundle import TrainingAcquisition
from models.classifier import PredictionLabel
from tests.app.cases import Desk
from tests.app.conftest import RunningApp, png_of

WHOLE = AcquisitionProfile(
    Specimen.BONE_MARROW_ASPIRATE, Stain.JENNER_GIEMSA, 100, None, "cutter 2", CellSelection.CONSECUTIVE
)
TRAINING = TrainingAcquisition(
    specimens=("bone_marrow_aspirate",), stains=("jenner_giemsa",), micrometres_per_pixel=(0.06, 0.08)
)


@pytest.fixture
def desk(app: RunningApp) -> Desk:
    return Desk(app)


def enter(
    desk: Desk, who: object, case_id: uuid.UUID, profile: AcquisitionProfile, training: object = None
) -> None:
    with desk.app.services.database.unit_of_work() as session:
        details = CaseDetails.of(CaseService(session, utc_now()).case(who, case_id))
        editor = CaseEditor(session, utc_now(), lambda _: training)
        editor.change(who, case_id, dataclasses.replace(details, acquisition=profile), None)


def test_a_profile_keeps_what_is_known() -> None:
    assert AcquisitionProfile.of(WHOLE.stored()) == WHOLE
    assert AcquisitionProfile().stored() is None


@pytest.mark.parametrize(
    "stored", [{"stain": "ink"}, {"objective": 0}, {"micrometres_per_pixel": -1.0}, {"segmentation_tool": ""}]
)
def test_a_value_out_of_its_range_is_refused(stored: dict[str, str | float]) -> None:
    with pytest.raises(BadRequest):
        AcquisitionProfile.of(stored)


def test_only_what_both_sides_know_can_differ() -> None:
    assert check_profile(WHOLE, TRAINING).reasons == ()
    assert check_profile(WHOLE, None).reasons == ()
    blood = dataclasses.replace(WHOLE, specimen=Specimen.PERIPHERAL_BLOOD, micrometres_per_pixel=0.2)
    assert check_profile(blood, TRAINING).unlike == ("specimen", "micrometres_per_pixel")
    assert check_profile(AcquisitionProfile(), TRAINING).reasons == (PROFILE_MISSING,)


def test_without_a_profile_no_cell_is_placed_and_its_numbers_stay(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, (cell_id,) = desk.case_with_cells(reader, 0.9)
    prediction = desk.view(reader, case_id).predictions[cell_id]
    assert (prediction.label, prediction.model_label) == (
        PredictionLabel.INDETERMINATE,
        PredictionLabel.MALIGNANT,
    )
    assert (prediction.p_malignant, prediction.reasons) == (0.9, [PROFILE_MISSING])


def test_a_profile_entered_later_adds_predictions_and_changes_none(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, cells = desk.case_with_cells(reader, 0.9, 0.1, 0.5)
    enter(desk, reader, case_id, WHOLE)
    newest = desk.view(reader, case_id).predictions
    assert [newest[cell_id].label.value for cell_id in cells] == ["malignant", "healthy", "indeterminate"]
    assert [newest[cell_id].reasons for cell_id in cells] == [[], [], []]
    rows = desk.view_cell(reader, cells[0]).predictions
    assert [(row.number, row.label.value) for row in rows] == [(2, "malignant"), (1, "indeterminate")]
    enter(desk, reader, case_id, dataclasses.replace(WHOLE, stain=Stain.WRIGHT), TRAINING)
    assert desk.view(reader, case_id).predictions[cells[0]].reasons == [UNLIKE_TRAINING]


def test_a_site_enters_its_profile_once_and_new_cases_start_with_it(own_app: RunningApp) -> None:
    lab = own_app.key(Scope.CASES_READ, Scope.CASES_WRITE)

    def predict() -> dict[str, object]:
        files = {"image": ("cell.png", png_of(1))}
        return own_app.client.post("/api/v1/predictions", headers=lab, files=files).json()

    before = predict()
    assert (before["label"], PROFILE_MISSING in before["reasons"]) == ("indeterminate", True)
    with own_app.services.database.unit_of_work() as session:
        editor = CaseEditor(session, utc_now(), own_app.services.training_of)
        editor.set_site_profile(own_app.identity(Role.ADMIN), WHOLE)
    after = predict()
    assert PROFILE_MISSING not in after["reasons"]
    assert after["probabilities"] == before["probabilities"]
    case = own_app.client.get(f"/api/v1/cases/{after['case_id']}", headers=lab).json()
    assert (case["acquisition"]["stain"], case["acquisition"]["objective"]) == ("jenner_giemsa", 100)


def test_the_drawn_sample_needs_no_profile(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, (cell_id,) = desk.case_with_cells(reader, 0.9, drawn=True)
    assert desk.view(reader, case_id).predictions[cell_id].label is PredictionLabel.MALIGNANT
