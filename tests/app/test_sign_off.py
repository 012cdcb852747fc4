"""Signing a case: pre-checks, lock, amendment, retraction; nothing overwritten, two at once, no key ever."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.accounts.permissions import Role
from app.cases.service import CaseService, Origin
from app.cases.tables import CaseState
from app.clock import utc_now
from app.errors import BadRequest, Conflict, NotAllowed
from app.reviews.tables import Verdict
from app.sign_off.pre_checks import Check
from app.sign_off.tables import SignOffKind
from tests.app.cases import PICTURE, Desk
from tests.app.conftest import RunningApp

NORMAL = Verdict.NORMAL_PRECURSOR


@pytest.fixture
def desk(app: RunningApp) -> Desk:
    return Desk(app)


def test_what_stands_out_is_counted_in_the_signature(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, cells = desk.case_with_cells(reader, 0.9, 0.5)
    desk.judge(reader, cells[0], NORMAL)
    signature = desk.sign(reader, case_id)
    assert signature.findings == {
        "cells_without_verdict": 1,
        "indeterminate_cells": 2,
        "accession_missing": 1,
        "acquisition_profile_missing": 5,
    }
    assert (signature.kind, signature.author_name, signature.reason) == (SignOffKind.SIGN, reader.name, "")


def test_a_case_that_is_not_whole_is_not_signed(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    empty, _ = desk.case_with_cells(reader)
    with pytest.raises(Conflict, match=Check.NO_CELLS):
        desk.sign(reader, empty)
    case_id, _ = desk.case_with_cells(reader, 0.9)
    with desk.app.services.database.unit_of_work() as session:
        CaseService(session, utc_now()).add_cell(reader, case_id, PICTURE, None, Origin(), leased=True)
    with pytest.raises(Conflict, match=Check.UNFINISHED_SCORING):
        desk.sign(reader, case_id)


def test_an_open_second_reading_and_an_unsettled_disagreement_stop_signing(desk: Desk) -> None:
    first, second = desk.persons(2)
    case_id, (cell_id,) = desk.case_with_cells(first, 0.9)
    desk.set(case_id, second_read=True)
    with desk.reviews() as reviews:
        reviews.take_first_reading(first, case_id)
    desk.judge(first, cell_id, NORMAL)
    with pytest.raises(Conflict, match=Check.OPEN_SECOND_READING):
        desk.sign(first, case_id)
    desk.judge(second, cell_id, Verdict.MALIGNANT_LYMPHOBLAST)
    with pytest.raises(Conflict, match=Check.UNSETTLED_DISAGREEMENTS):
        desk.sign(first, case_id)
    desk.judge(first, cell_id, Verdict.UNCERTAIN)
    assert desk.sign(first, case_id).number == 1


def test_a_signed_case_takes_no_verdict_cell_or_change_until_it_is_amended(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, (cell_id,) = desk.case_with_cells(reader, 0.9)
    desk.sign(reader, case_id)
    for act in (
        lambda: desk.judge(reader, cell_id, NORMAL),
        lambda: desk.undo(reader, cell_id),
        lambda: desk.sign(reader, case_id),
    ):
        with pytest.raises(Conflict):
            act()
    with pytest.raises(Conflict), desk.app.services.database.unit_of_work() as session:
        CaseService(session, utc_now()).add_cell(reader, case_id, PICTURE, None, Origin(), leased=True)
    desk.amend(reader, case_id)
    assert desk.case(case_id).state is CaseState.IN_REVIEW
    desk.judge(reader, cell_id, NORMAL)
    desk.sign(reader, case_id)
    assert desk.case(case_id).state is CaseState.AMENDED
    with desk.sign_offs() as sign_offs:
        kinds = [row.kind for row in sign_offs.history(desk.case(case_id))]
    assert kinds == [SignOffKind.SIGN, SignOffKind.AMEND, SignOffKind.SIGN]


def test_a_retracted_case_stays_retracted(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, _ = desk.case_with_cells(reader, 0.9)
    with pytest.raises(Conflict):
        desk.retract(reader, case_id)
    desk.sign(reader, case_id)
    desk.retract(reader, case_id)
    for act in (desk.sign, desk.amend, desk.retract):
        with pytest.raises(Conflict):
            act(reader, case_id)
    assert desk.case(case_id).state is CaseState.RETRACTED


def test_an_amendment_and_a_retraction_need_a_reason(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, _ = desk.case_with_cells(reader, 0.9)
    desk.sign(reader, case_id)
    version = desk.case(case_id).version
    for kind in ("amend", "retract"):
        with pytest.raises(BadRequest), desk.sign_offs() as sign_offs:
            getattr(sign_offs, kind)(reader, case_id, "  ", version)


def test_what_was_not_seen_is_not_signed(desk: Desk) -> None:
    reader, colleague = desk.persons(2)
    case_id, (cell_id,) = desk.case_with_cells(reader, 0.9)
    seen = desk.case(case_id).version
    desk.judge(colleague, cell_id, NORMAL)
    with pytest.raises(Conflict), desk.sign_offs() as sign_offs:
        sign_offs.sign(reader, case_id, seen)


def test_of_two_who_sign_at_once_one_signs_and_the_other_is_told(desk: Desk) -> None:
    signers = desk.persons(2)
    case_id, _ = desk.case_with_cells(signers[0], 0.9)
    version = desk.case(case_id).version

    def sign(who: object) -> str:
        try:
            with desk.sign_offs() as sign_offs:
                sign_offs.sign(who, case_id, version)
        except Conflict:
            return "conflict"
        return "signed"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(sign, signers)) == ["conflict", "signed"]


def test_neither_a_key_nor_an_admin_nor_a_viewer_signs(desk: Desk) -> None:
    (reader,) = desk.persons(1)
    case_id, _ = desk.case_with_cells(reader, 0.9)
    key = desk.key(reader.site_id)
    for who in (key, desk.app.identity(Role.ADMIN), desk.app.identity(Role.VIEWER)):
        with pytest.raises(NotAllowed):
            desk.sign(who, case_id)
