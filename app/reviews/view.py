"""What one asker may see and do of a case or a cell now: the one way from the case log to a page, an answer or an export."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.audit.acts import Act
from app.audit.service import AuditService
from app.cases.blinding import Blinding, second_reading_is_open
from app.cases.repository import CaseRepository
from app.cases.tables import Case, Cell, Prediction
from app.errors import NotFound
from app.reviews.repository import ReviewRepository
from app.reviews.service import ReviewService
from app.reviews.standing import CellVerdicts, standing
from app.reviews.tables import Reading, Review


@dataclass(frozen=True)
class CaseReading:
    """One case, as one asker may see it.

    reading: what a verdict of theirs would be. blind: of the machine and of other readings nothing is in here, and
    `measurements` of the cells are not to be shown either. blocked: why they can give no verdict, in a sentence.
    cells: in upload order, when blind in an order of the asker's own. verdicts: the one that holds, for each cell
    that has one. judged_at: when somebody last gave or took back a verdict in sight of the asker. seen: number
    of the newest row in the asker's reading. settled: verdicts by reading, once both
    readings are done.
    """

    case: Case
    reading: Reading
    blind: bool
    blocked: str | None
    cells: list[Cell]
    predictions: Mapping[UUID, Prediction] = field(default_factory=dict)
    verdicts: Mapping[UUID, Review] = field(default_factory=dict)
    judged_at: Mapping[UUID, datetime] = field(default_factory=dict)
    seen: Mapping[UUID, int] = field(default_factory=dict)
    settled: Mapping[UUID, CellVerdicts] = field(default_factory=dict)


@dataclass(frozen=True)
class CellReading:
    """One cell, as one asker may see it; the first fields as in `CaseReading`.

    predictions: newest first. rows: what was said of it, withdrawals included, oldest first. before, after: the
    neighbours in the asker's order.
    """

    case: Case
    cell: Cell
    reading: Reading
    blind: bool
    blocked: str | None
    predictions: list[Prediction]
    rows: list[Review]
    verdict: Review | None
    seen: int
    before: UUID | None
    after: UUID | None


class CaseViewer:
    """Works inside the caller's unit of work; never commits.

    `case` and `cell` leave a line in the audit trail and need a writing session. `look_at_case` and `look_at_cell`
    are for the parts of a page that is open already: they write nothing, and show nothing unblinded to a person
    who was not shown the page.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self._cases = CaseRepository(session)
        self._rows = ReviewRepository(session)
        self._reviews = ReviewService(session, now)
        self._blinding = Blinding(session, now)
        self._audit = AuditService(session, now)

    def case(self, who: Identity, case_id: UUID) -> CaseReading:
        """Raises NotFound: there is no such case here."""
        case = self._case(who, case_id)
        self._note(who, case)
        view = self._view_case(who, case, blind=self._is_blind(who, case))
        self._audit.record(who, Act.CASE_VIEWED, case.id, blind=view.blind)
        return view

    def look_at_case(self, who: Identity, case_id: UUID) -> CaseReading:
        """Raises NotFound: there is no such case here."""
        case = self._case(who, case_id)
        return self._view_case(who, case, blind=self._is_blind(who, case) or self._is_new_here(who, case))

    def cell(self, who: Identity, cell_id: UUID) -> CellReading:
        """Raises NotFound: there is no such cell here."""
        cell, case = self._cell(who, cell_id)
        self._note(who, case)
        view = self._view_cell(who, case, cell, blind=self._is_blind(who, case))
        self._audit.record(who, Act.CELL_VIEWED, cell.id, blind=view.blind)
        return view

    def look_at_cell(self, who: Identity, cell_id: UUID) -> CellReading:
        """Raises NotFound: there is no such cell here."""
        cell, case = self._cell(who, cell_id)
        blind = self._is_blind(who, case) or self._is_new_here(who, case)
        return self._view_cell(who, case, cell, blind=blind)

    def _view_case(self, who: Identity, case: Case, *, blind: bool) -> CaseReading:
        cells = self._cases.cells_of(case.id)
        ids = [cell.id for cell in cells]
        rows = self._rows.of_cells(ids)
        reading = self._reviews.reading_of(who, case)
        closed = case.second_read and case.readings_closed_at is not None
        visible = {cell_id: _visible(case, rows[cell_id], blind) for cell_id in ids}
        holding = {cell_id: _holding(case, visible[cell_id]) for cell_id in ids}
        return CaseReading(
            case=case,
            reading=reading,
            blind=blind,
            blocked=self._reviews.blocked(who, case),
            cells=_shuffled(cells, who) if blind else cells,
            predictions={} if blind else self._cases.latest_predictions(ids),
            verdicts={cell_id: review for cell_id, review in holding.items() if review is not None},
            judged_at={cell_id: shown[-1].created_at for cell_id, shown in visible.items() if shown},
            seen={cell_id: _newest_number(rows[cell_id], reading) for cell_id in ids},
            settled={cell_id: CellVerdicts.of(rows[cell_id]) for cell_id in ids} if closed else {},
        )

    def _view_cell(self, who: Identity, case: Case, cell: Cell, *, blind: bool) -> CellReading:
        rows = self._rows.of_cells([cell.id])[cell.id]
        visible = _visible(case, rows, blind)
        reading = self._reviews.reading_of(who, case)
        before, after = self._neighbours(who, case, cell) if blind else self._cases.neighbours(cell)
        return CellReading(
            case=case,
            cell=cell,
            reading=reading,
            blind=blind,
            blocked=self._reviews.blocked(who, case),
            predictions=[] if blind else self._cases.predictions(cell.id),
            rows=visible,
            verdict=_holding(case, visible),
            seen=_newest_number(rows, reading),
            before=before,
            after=after,
        )

    def _neighbours(self, who: Identity, case: Case, cell: Cell) -> tuple[UUID | None, UUID | None]:
        order = [each.id for each in _shuffled(self._cases.cells_of(case.id), who)]
        place = order.index(cell.id)
        return (order[place - 1] if place else None), (order[place + 1] if place + 1 < len(order) else None)

    def _is_blind(self, who: Identity, case: Case) -> bool:
        return bool(self._blinding.blind_to(who, [case]))

    def _is_new_here(self, who: Identity, case: Case) -> bool:
        return who.user_id is not None and case.id not in self._cases.seen_by(who.user_id, [case.id])

    def _note(self, who: Identity, case: Case) -> None:
        if not self._is_blind(who, case):
            self._blinding.note_sighting(who, case)

    def _case(self, who: Identity, case_id: UUID) -> Case:
        case = self._cases.case(who.site_id, case_id)
        if case is None:
            raise NotFound(f"There is no case {case_id}.")
        return case

    def _cell(self, who: Identity, cell_id: UUID) -> tuple[Cell, Case]:
        cell = self._cases.cell(who.site_id, cell_id)
        if cell is None:
            raise NotFound(f"There is no cell {cell_id}.")
        return cell, self._case(who, cell.case_id)


def _visible(case: Case, rows: list[Review], blind: bool) -> list[Review]:
    """While the second reading is open, each side sees its own."""
    if blind:
        return [row for row in rows if row.reading is Reading.SECOND]
    if second_reading_is_open(case):
        return [row for row in rows if row.reading is Reading.FIRST]
    return rows


def _holding(case: Case, visible: list[Review]) -> Review | None:
    if second_reading_is_open(case):
        return standing(visible)
    return CellVerdicts.of(
        row for row in visible if case.second_read or row.reading is not Reading.SECOND
    ).final


def _newest_number(rows: list[Review], reading: Reading) -> int:
    return max((row.number for row in rows if row.reading is reading), default=0)


def _shuffled(cells: list[Cell], who: Identity) -> list[Cell]:
    """In an order that is the asker's own and always the same, and says nothing."""
    return sorted(cells, key=lambda cell: hashlib.sha256(who.id.bytes + cell.id.bytes).digest())
