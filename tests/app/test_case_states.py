"""Any order of verdicts, withdrawals, voiding, signing, amending and retracting keeps what was promised of a case."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.accounts.permissions import Identity
from app.cases.tables import CaseState
from app.errors import Conflict
from app.reviews.tables import Verdict
from app.sign_off.tables import SignOffKind
from tests.app.cases import Desk
from tests.app.conftest import RunningApp

CELLS = 3
OPEN = (CaseState.OPEN, CaseState.SCORED, CaseState.IN_REVIEW)


class CaseLife(RuleBasedStateMachine):
    """One case in the hands of two reviewers; `said` is the model of what must hold of each cell."""

    desk: Desk
    readers: list[Identity]

    @initialize()
    def open(self) -> None:
        self.case_id, self.cells = self.desk.case_with_cells(self.readers[0], *[0.9] * CELLS)
        self.said: dict[int, list[tuple[int, Verdict]]] = {number: [] for number in range(CELLS)}
        self.voided: set[int] = set()
        self.rows = 0
        self.kinds: list[SignOffKind] = []

    @rule(reader=st.integers(0, 1), cell=st.integers(0, CELLS - 1), verdict=st.sampled_from(Verdict))
    def judge(self, reader: int, cell: int, verdict: Verdict) -> None:
        allowed = self._is_open() and cell not in self.voided
        if self._did(allowed, lambda: self.desk.judge(self.readers[reader], self.cells[cell], verdict)):
            self.said[cell].append((reader, verdict))
            self.rows += 1

    @rule(reader=st.integers(0, 1), cell=st.integers(0, CELLS - 1))
    def undo(self, reader: int, cell: int) -> None:
        own = bool(self.said[cell]) and self.said[cell][-1][0] == reader
        allowed = self._is_open() and cell not in self.voided and own
        if self._did(allowed, lambda: self.desk.undo(self.readers[reader], self.cells[cell])):
            self.said[cell].pop()
            self.rows += 1

    @rule(cell=st.integers(0, CELLS - 1))
    def void(self, cell: int) -> None:
        def act() -> None:
            with self.desk.reviews() as reviews:
                reviews.void_cell(self.readers[0], self.cells[cell], "misfiled", None)

        if self._did(self._is_open() and cell not in self.voided, act):
            self.voided.add(cell)

    @rule()
    def sign(self) -> None:
        allowed = self._is_open() and len(self.voided) < CELLS
        if self._did(allowed, lambda: self.desk.sign(self.readers[0], self.case_id)):
            self.kinds.append(SignOffKind.SIGN)

    @rule()
    def amend(self) -> None:
        allowed = bool(self.kinds) and self.kinds[-1] is SignOffKind.SIGN
        if self._did(allowed, lambda: self.desk.amend(self.readers[0], self.case_id)):
            self.kinds.append(SignOffKind.AMEND)

    @rule()
    def retract(self) -> None:
        allowed = bool(self.kinds) and self.kinds[-1] is not SignOffKind.RETRACT
        if self._did(allowed, lambda: self.desk.retract(self.readers[0], self.case_id)):
            self.kinds.append(SignOffKind.RETRACT)

    @invariant()
    def the_newest_verdict_that_was_not_taken_back_holds(self) -> None:
        view = self.desk.view(self.readers[0], self.case_id)
        held = {cell_id: review.verdict for cell_id, review in view.verdicts.items()}
        assert {self.cells[cell]: said[-1][1] for cell, said in self.said.items() if said} == held

    @invariant()
    def no_row_is_lost_and_no_signature(self) -> None:
        rows = [self.desk.view_cell(self.readers[0], cell_id).rows for cell_id in self.cells]
        assert self.rows == sum(len(each) for each in rows)
        with self.desk.sign_offs() as sign_offs:
            assert self.kinds == [row.kind for row in sign_offs.history(self.desk.case(self.case_id))]

    @invariant()
    def the_state_follows_from_the_signatures(self) -> None:
        last = self.kinds[-1] if self.kinds else SignOffKind.AMEND
        signed = CaseState.AMENDED if self.kinds.count(SignOffKind.SIGN) > 1 else CaseState.SIGNED
        expected = {
            SignOffKind.AMEND: OPEN,
            SignOffKind.SIGN: (signed,),
            SignOffKind.RETRACT: (CaseState.RETRACTED,),
        }
        assert self.desk.case(self.case_id).state in expected[last]

    def _is_open(self) -> bool:
        return not self.kinds or self.kinds[-1] is SignOffKind.AMEND

    def _did(self, allowed: bool, act: Callable[[], object]) -> bool:
        if allowed:
            act()
        else:
            with pytest.raises(Conflict):
                act()
        return allowed


@pytest.mark.slow
def test_a_case_keeps_its_promises_in_any_order_of_acts(app: RunningApp) -> None:
    class Life(CaseLife):
        desk = Desk(app)
        readers = desk.persons(2)

    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
