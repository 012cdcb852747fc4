"""Rescoring is explicit: another version's predictions beside the earlier ones, and never for a signed case."""

import uuid

import pytest

from app.accounts.permissions import Scope
from app.clock import utc_now
from app.errors import Conflict, NotFound
from app.rescore import Rescored, rescore_case
from models.classifier import Classifier
from tests.app.cases import Desk
from tests.app.conftest import RunningApp, png_of
from tests.app.test_cases import case_when_scored, open_case, upload
from tests.bundles import NAME, make_bundle


def test_a_case_is_scored_again_by_another_version_once(own_app: RunningApp) -> None:
    lab = own_app.key(Scope.CASES_READ, Scope.CASES_WRITE)
    case_id = open_case(own_app, lab)
    upload(own_app, lab, case_id, [png_of(1), b"words", png_of(2)])
    before = case_when_scored(own_app, lab, case_id)["contents"]
    make_bundle(own_app.settings.model_dir, "0.2.0", seed=1)
    classifier = Classifier.open(own_app.settings.model_dir / NAME / "0.2.0", "ncnn")
    services = own_app.services

    def rescore(case: str) -> Rescored:
        return rescore_case(services.database, services.images, classifier, uuid.UUID(case), utc_now)

    assert rescore(case_id) == Rescored(f"{NAME}/0.2.0", 2, 0)
    after = own_app.client.get(f"/api/v1/cases/{case_id}", headers=lab).json()["contents"]
    assert [cell["prediction"]["model"]["version"] for cell in (after[0], after[2])] == ["0.2.0", "0.2.0"]
    assert after[0]["prediction"]["probabilities"] != before[0]["prediction"]["probabilities"]
    assert own_app.count("predictions") == 4
    assert rescore(case_id) == Rescored(f"{NAME}/0.2.0", 0, 2)
    with pytest.raises(NotFound):
        rescore(str(uuid.uuid4()))
    desk = Desk(own_app)
    desk.sign(desk.persons(1)[0], uuid.UUID(case_id))
    with pytest.raises(Conflict):
        rescore(case_id)
