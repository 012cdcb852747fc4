"""Which cells are called similar, and who sees them."""

import uuid

import pytest

from app.accounts.permissions import Role, Scope
from app.errors import NotFound
from app.reviews.tables import Verdict
from app.similar.service import SimilarService
from tests.app.cases import Desk
from tests.app.conftest import RunningApp


@pytest.fixture
def desk(app: RunningApp) -> Desk:
    return Desk(app)


@pytest.fixture
def similar(app: RunningApp) -> SimilarService:
    return app.services.similar


def test_only_signed_off_cells_are_similar_and_a_retracted_case_leaves(
    desk: Desk, similar: SimilarService
) -> None:
    reader = desk.app.identity(Role.REVIEWER)
    own, (asked,) = desk.case_with_cells(reader, 0.9)
    desk.view(reader, own)
    case_id, (malignant, healthy) = desk.case_with_cells(reader, 0.9, 0.1)
    desk.judge(reader, malignant, Verdict.MALIGNANT_LYMPHOBLAST)

    def found() -> dict[uuid.UUID, Verdict | None]:
        cells = similar.similar(reader, asked)
        assert cells is not None
        return {each.cell.id: each.verdict for each in cells.site if each.case.id == case_id}

    assert found() == {}
    desk.sign(reader, case_id)
    assert found() == {malignant: Verdict.MALIGNANT_LYMPHOBLAST, healthy: None}
    desk.retract(reader, case_id)
    assert found() == {}


def test_cells_of_the_same_case_are_left_out(desk: Desk, similar: SimilarService) -> None:
    reader = desk.app.identity(Role.REVIEWER)
    case_id, (one, other) = desk.case_with_cells(reader, 0.9, 0.1)
    desk.judge(reader, one, Verdict.MALIGNANT_LYMPHOBLAST)
    desk.sign(reader, case_id)
    desk.view(reader, case_id)
    cells = similar.similar(reader, one)
    assert cells is not None
    assert other not in {each.cell.id for each in cells.site}


def test_who_is_to_judge_blind_sees_none(desk: Desk, similar: SimilarService) -> None:
    first, second = desk.app.identity(Role.REVIEWER), desk.app.identity(Role.REVIEWER)
    case_id, (cell_id,) = desk.case_with_cells(first, 0.9)
    desk.view(first, case_id)
    desk.set(case_id, second_read=True)
    assert similar.similar(second, cell_id) is None
    assert similar.similar(first, cell_id) is not None


def test_there_is_no_such_cell_for_strangers(desk: Desk, similar: SimilarService) -> None:
    with pytest.raises(NotFound):
        similar.similar(desk.app.identity(Role.VIEWER), uuid.uuid4())


def test_the_route_answers_or_says_that_nothing_is_here(desk: Desk, app: RunningApp) -> None:
    headers = app.key(Scope.CASES_READ)
    _, (cell_id,) = desk.case_with_cells(app.identity(Role.REVIEWER), 0.9)
    answer = app.client.get(f"/api/v1/cells/{cell_id}/similar", headers=headers)
    assert answer.status_code == 200
    assert set(answer.json()) == {"model", "site", "reference", "notice"}
    assert app.client.get(f"/api/v1/cells/{uuid.uuid4()}/similar", headers=headers).status_code == 404
