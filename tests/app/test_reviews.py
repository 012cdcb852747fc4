"""Verdicts: added, taken back, given in bulk; two readings, the second blind; voided cells."""

import pytest

from app.audit.tables import AuditEvent
from app.cases.tables import CaseState
from app.errors import BadRequest, Conflict, NotAllowed, NotFound
from app.reviews.tables import Reading, Verdict
from tests.app.cases import Desk
from tests.app.conftest import RunningApp

MALIGNANT, NORMAL = Verdict.MALIGNANT_LYMPHOBLAST, Verdict.NORMAL_PRECURSOR


@pytest.fixture
def desk(app: RunningApp) -> Desk:
    return Desk(app)


def two_reads(desk: Desk, *p_malignant: float):
    """A case with a second reading: its id, cells, the first reader and the second."""
    first, second = desk.persons(2)
    case_id, cells = desk.case_with_cells(first, *p_malignant)
    desk.set(case_id, second_read=True)
    with desk.reviews() as reviews:
        reviews.take_first_reading(first, case_id)
    return case_id, cells, first, second


def test_a_verdict_taken_back_leaves_the_one_before_it_standing_and_nothing_is_deleted(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, (cell_id,) = desk.case_with_cells(reader, 0.9)
    desk.judge(reader, cell_id, NORMAL)
    desk.judge(reader, cell_id, MALIGNANT)
    assert desk.undo(reader, cell_id).withdraws == 2
    assert desk.view(reader, case_id).verdicts[cell_id].verdict is NORMAL
    desk.undo(reader, cell_id)
    assert cell_id not in desk.view(reader, case_id).verdicts
    assert [row.withdraws for row in desk.view_cell(reader, cell_id).rows] == [None, None, 2, 1]


def test_nobody_takes_back_anothers_verdict(desk: Desk) -> None:
    reader, other = desk.persons(2)
    _, (cell_id,) = desk.case_with_cells(reader, 0.9)
    desk.judge(reader, cell_id, NORMAL)
    desk.judge(other, cell_id, MALIGNANT)
    with pytest.raises(Conflict):
        desk.undo(reader, cell_id)


def test_bulk_verdicts_are_marked_and_one_stale_cell_stops_them_all(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, cells = desk.case_with_cells(reader, 0.9, 0.8, 0.7)
    desk.judge(reader, cells[1], NORMAL)
    with pytest.raises(Conflict), desk.reviews() as reviews:
        reviews.give_many(reader, case_id, MALIGNANT, dict.fromkeys(cells, 0))
    assert list(desk.view(reader, case_id).verdicts) == [cells[1]]
    with desk.reviews() as reviews:
        given = reviews.give_many(reader, case_id, MALIGNANT, {cells[0]: 0, cells[2]: 0})
    assert [review.bulk for review in given] == [True, True]


def test_bulk_verdicts_keep_to_one_case(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, _ = desk.case_with_cells(reader, 0.9)
    _, (elsewhere,) = desk.case_with_cells(reader, 0.9)
    with pytest.raises(NotFound), desk.reviews() as reviews:
        reviews.give_many(reader, case_id, MALIGNANT, {elsewhere: 0})


def test_the_second_reader_sees_no_machine_and_no_first_verdict(desk: Desk) -> None:
    case_id, cells, first, second = two_reads(desk, 0.9, 0.1, 0.8)
    desk.judge(first, cells[0], MALIGNANT)
    blind = desk.view(second, case_id)
    assert (blind.blind, blind.reading) == (True, Reading.SECOND)
    assert (blind.predictions, blind.verdicts, blind.settled) == ({}, {}, {})
    assert blind.seen[cells[0]] == 0
    cell = desk.view_cell(second, cells[0])
    assert (cell.blind, cell.predictions, cell.rows, cell.verdict) == (True, [], [], None)
    assert len(desk.view(first, case_id).predictions) == 3


def test_a_blind_reader_has_an_order_of_their_own_that_stays(desk: Desk) -> None:
    case_id, cells, _, second = two_reads(desk, *[0.9] * 12)
    (third,) = desk.persons(1)
    order = [cell.id for cell in desk.view(second, case_id).cells]
    assert order == [cell.id for cell in desk.view(second, case_id).cells]
    assert set(order) == set(cells)
    assert len({tuple(order), tuple(cells), tuple(cell.id for cell in desk.view(third, case_id).cells)}) == 3
    assert desk.view_cell(second, order[3]).after == order[4]


def test_the_first_reader_does_not_see_the_second_until_both_are_done(desk: Desk) -> None:
    case_id, cells, first, second = two_reads(desk, 0.9, 0.1)
    for cell_id in cells:
        desk.judge(second, cell_id, NORMAL)
    assert desk.view(first, case_id).verdicts == {}
    desk.judge(first, cells[0], MALIGNANT)
    desk.judge(first, cells[1], NORMAL)
    for reader in (first, second):
        view = desk.view(reader, case_id)
        assert (view.blind, view.reading) == (False, Reading.ADJUDICATION)
        assert [view.settled[cell_id].disagree for cell_id in cells] == [True, False]
        assert set(view.verdicts) == {cells[1]}
        assert len(view.predictions) == 2


def test_adjudication_settles_a_disagreement_and_both_readings_stay(desk: Desk) -> None:
    case_id, (cell_id,), first, second = two_reads(desk, 0.9)
    desk.judge(first, cell_id, MALIGNANT)
    desk.judge(second, cell_id, NORMAL)
    assert desk.judge(second, cell_id, Verdict.UNCERTAIN).reading is Reading.ADJUDICATION
    view = desk.view(first, case_id)
    assert view.verdicts[cell_id].verdict is Verdict.UNCERTAIN
    assert (view.settled[cell_id].first.verdict, view.settled[cell_id].second.verdict) == (MALIGNANT, NORMAL)


def test_who_has_seen_the_case_cannot_read_it_blind(desk: Desk) -> None:
    first, curious = desk.persons(2)
    case_id, (cell_id,) = desk.case_with_cells(first, 0.9)
    desk.view(curious, case_id)
    desk.set(case_id, second_read=True)
    assert desk.view(curious, case_id).reading is Reading.FIRST
    assert desk.judge(curious, cell_id, NORMAL).reading is Reading.FIRST


def test_nobody_reads_a_case_twice(desk: Desk) -> None:
    case_id, cells, _, second = two_reads(desk, 0.9, 0.1)
    desk.judge(second, cells[0], NORMAL)
    with pytest.raises(Conflict), desk.reviews() as reviews:
        reviews.take_first_reading(second, case_id)


def test_a_key_is_blind_while_the_second_reading_is_open(desk: Desk) -> None:
    case_id, _, first, _ = two_reads(desk, 0.9)
    key = desk.key(first.site_id)
    view = desk.view(key, case_id)
    assert (view.blind, view.predictions) == (True, {})
    with pytest.raises(NotAllowed), desk.reviews() as reviews:
        reviews.take_first_reading(key, case_id)


def test_voiding_the_last_unread_cell_ends_both_readings(desk: Desk) -> None:
    case_id, cells, first, second = two_reads(desk, 0.9, 0.1)
    desk.judge(first, cells[0], NORMAL)
    desk.judge(second, cells[0], NORMAL)
    with desk.reviews() as reviews:
        reviews.void_cell(first, cells[1], "from another slide", desk.case(case_id).version)
    assert desk.case(case_id).readings_closed_at is not None


def test_a_voided_cell_takes_no_verdict_and_needs_a_reason(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, (cell_id,) = desk.case_with_cells(reader, 0.9)
    with pytest.raises(BadRequest), desk.reviews() as reviews:
        reviews.void_cell(reader, cell_id, " ", None)
    with desk.reviews() as reviews:
        reviews.void_cell(reader, cell_id, "misfiled", None)
    for _ in range(2):
        with pytest.raises(Conflict):
            desk.judge(reader, cell_id, NORMAL)
    assert desk.cell(cell_id).void_reason == "misfiled"
    assert desk.case(case_id).state is CaseState.IN_REVIEW


def test_acts_on_a_case_are_in_the_trail_without_a_word_of_what_was_said(desk: Desk) -> None:
    case_id, (cell_id,), first, second = two_reads(desk, 0.9)
    desk.judge(second, cell_id, NORMAL)
    desk.undo(second, cell_id)
    desk.view(second, case_id)
    desk.view_cell(first, cell_id)
    with desk.app.services.database.reading() as session:
        events = session.query(AuditEvent).order_by(AuditEvent.number).all()
    mine = [event for event in events if event.object_id in (str(case_id), str(cell_id))]
    assert [event.act for event in mine] == [
        "case.opened",
        "cells.added",
        "case.first_reading_taken",
        "verdict.given",
        "verdict.withdrawn",
        "case.viewed",
        "cell.viewed",
    ]
    assert [event.details["blind"] for event in mine[-2:]] == [True, False]
