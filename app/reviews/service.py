"""The rules of review: verdicts are added, never changed, and nobody overwrites anybody unseen."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.audit.acts import Act
from app.audit.service import AuditService
from app.cases.blinding import Blinding, second_reading_is_open
from app.cases.changing import case_to_change, refuse_closed
from app.cases.repository import CaseRepository, new_id
from app.cases.tables import Case, CaseState, Cell, CellState
from app.errors import BadRequest, Conflict, NotAllowed, NotFound
from app.reviews.agreement import AgreementTable
from app.reviews.repository import ReviewRepository
from app.reviews.standing import CellVerdicts, both_readings, standing
from app.reviews.tables import Reading, Review, Verdict

MAX_NOTE_CHARACTERS = 1000
MAX_REASON_CHARACTERS = 500
BULK_LIMIT = 1000


class ReviewService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._reviews = ReviewRepository(session)
        self._cases = CaseRepository(session)
        self._blinding = Blinding(session, now)
        self._audit = AuditService(session, now)
        self._now = now

    # --- verdicts ---

    def give_verdict(
        self, who: Identity, cell_id: UUID, verdict: Verdict, note: str = "", seen: int | None = None
    ) -> Review:
        """Add a verdict, in the reading that is the giver's.

        Args:
            seen: number of the newest row the writer saw in this reading (0 for none); None when not said.

        Raises:
            NotFound: no such cell here. Conflict: a newer verdict than `seen` exists, the file was refused, the
            cell voided or the case closed. NotAllowed: the giver reads this case otherwise.
            BadRequest: the note is too long.
        """
        note = note.strip()
        if len(note) > MAX_NOTE_CHARACTERS:
            raise BadRequest(f"Expected a note of at most {MAX_NOTE_CHARACTERS} characters, got {len(note)}.")
        case, cell = self._to_judge(who, cell_id)
        reading = self._begin_to_write(who, case)
        review = self._add(who, cell, reading, seen, verdict=verdict, note=note)
        self._moved_on(case)
        self._record(who, Act.VERDICT_GIVEN, review)
        return review

    def give_many(
        self, who: Identity, case_id: UUID, verdict: Verdict, seen: Mapping[UUID, int | None]
    ) -> list[Review]:
        """The same verdict on many cells of one case, marked as bulk; on all of them or on none.

        Args:
            seen: cell -> number of the newest row the writer saw.

        Raises:
            As `give_verdict`. BadRequest: no cell, or too many. NotFound: a cell of another case.
        """
        if not 1 <= len(seen) <= BULK_LIMIT:
            raise BadRequest(f"Expected 1 to {BULK_LIMIT} cells, got {len(seen)}.")
        case = case_to_change(self._cases, who.site_id, case_id)
        cells = {cell.id: cell for cell in self._cases.cells_of(case.id)}
        strangers = seen.keys() - cells.keys()
        if strangers:
            raise NotFound(f"There is no cell {min(strangers)} in case {case_id}.")
        reading = self._begin_to_write(who, case)
        given = []
        for cell_id, number in seen.items():
            refuse_unjudgeable(cells[cell_id])
            given.append(self._add(who, cells[cell_id], reading, number, verdict=verdict, bulk=True))
        self._moved_on(case)
        for review in given:
            self._record(who, Act.VERDICT_GIVEN, review)
        return given

    def withdraw(self, who: Identity, cell_id: UUID, seen: int | None = None) -> Review:
        """Take back the asker's own newest verdict on a cell; the one before it holds again.

        Raises:
            As `give_verdict`. Conflict: the verdict that holds is not the asker's, or there is none.
        """
        case, cell = self._to_judge(who, cell_id)
        reading = self._begin_to_write(who, case)
        held = standing(self._rows(cell, reading))
        if held is None or held.author_id != who.id:
            raise Conflict("There is no verdict of yours to take back; somebody else's newer one may hold.")
        review = self._add(
            who,
            cell,
            reading,
            seen,
            verdict=held.verdict,
            note=held.note,
            bulk=held.bulk,
            withdraws=held.number,
        )
        case.version += 1
        self._record(who, Act.VERDICT_WITHDRAWN, review)
        return review

    def void_cell(self, who: Identity, cell_id: UUID, reason: str, seen_version: int | None) -> Cell:
        """Take a misfiled cell out of every count; it and its history stay to be seen.

        Raises:
            NotFound, Conflict: as `case_to_change`, or it is voided already. BadRequest: no reason is given.
        """
        reason = reason.strip()
        if not 1 <= len(reason) <= MAX_REASON_CHARACTERS:
            raise BadRequest(f"Expected a reason of 1 to {MAX_REASON_CHARACTERS} characters.", field="reason")
        cell = self._cell(who, cell_id)
        case = case_to_change(self._cases, who.site_id, cell.case_id, seen_version)
        self._cases.refresh(cell)
        if cell.voided_at is not None:
            raise Conflict("This cell was voided before.")
        cell.voided_at, cell.voided_by, cell.void_reason = self._now, who.id, reason
        cell.lease_until = None
        if case.state is CaseState.OPEN and self._cases.waiting_in(case.id) == 0:
            case.state = CaseState.SCORED
        self._moved_on(case)
        self._audit.record(who, Act.CELL_VOIDED, cell.id, case=str(case.id))
        return cell

    # --- readings ---

    def reading_of(self, who: Identity, case: Case) -> Reading:
        """What a verdict of theirs on this case would be now."""
        if not case.second_read:
            return Reading.FIRST
        if not second_reading_is_open(case):
            return Reading.ADJUDICATION
        if who.user_id is not None and self._blinding.blind_to(who, [case]):
            return Reading.SECOND
        return Reading.FIRST

    def take_first_reading(self, who: Identity, case_id: UUID) -> Case:
        """Read a case first, with the machine's answers in sight, while its second reading is open.

        Raises:
            NotAllowed: a key asks. Conflict: the asker has begun the second reading. NotFound: no such case here.
        """
        if who.user_id is None:
            raise NotAllowed("A reading is a person's; a key has none.")
        case = case_to_change(self._cases, who.site_id, case_id)
        if who.id in self._reviews.readers(case.id, Reading.SECOND):
            raise Conflict("You have begun to read this case blind. Somebody else reads it first.")
        self._blinding.note_sighting(who, case)
        self._audit.record(who, Act.FIRST_READING_TAKEN, case.id)
        return case

    def blocked(self, who: Identity, case: Case) -> str | None:
        """Why the asker can give no verdict on the case now, in a sentence; None when nothing is in the way."""
        try:
            refuse_closed(case)
            self._reading_to_write(who, case)
        except (Conflict, NotAllowed) as refusal:
            return refusal.detail
        return None

    def verdicts(self, case: Case, cells: list[Cell]) -> dict[UUID, CellVerdicts]:
        """What holds in each reading, for services that show it to nobody who is blind."""
        rows = self._reviews.of_cells([cell.id for cell in cells])
        return {
            cell_id: CellVerdicts.of(
                row for row in reviews if case.second_read or row.reading is not Reading.SECOND
            )
            for cell_id, reviews in rows.items()
        }

    def reader_tables(self, site_id: UUID) -> list[AgreementTable]:
        """First beside second readings, before adjudication, one table a case of the site where both are done."""
        rows = self._reviews.of_read_cases(site_id)
        by_case: dict[UUID, list[CellVerdicts]] = {}
        for (case_id, _), reviews in rows.items():
            by_case.setdefault(case_id, []).append(CellVerdicts.of(reviews))
        return [AgreementTable.of(both_readings(verdicts)) for verdicts in by_case.values()]

    def history(self, cell: Cell) -> list[Review]:
        """Every row of every reading, oldest first."""
        return self._reviews.of_cells([cell.id])[cell.id]

    def judged_counts(self, cases: list[Case]) -> dict[UUID, int]:
        """How many cells of each case have a verdict."""
        return self._reviews.judged_counts([case.id for case in cases])

    def _cell(self, who: Identity, cell_id: UUID) -> Cell:
        cell = self._cases.cell(who.site_id, cell_id)
        if cell is None:
            raise NotFound(f"There is no cell {cell_id}.")
        return cell

    def _to_judge(self, who: Identity, cell_id: UUID) -> tuple[Case, Cell]:
        """A cell of a locked, open case."""
        cell = self._cell(who, cell_id)
        case = case_to_change(self._cases, who.site_id, cell.case_id)
        self._cases.refresh(cell)
        refuse_unjudgeable(cell)
        return case, cell

    def _reading_to_write(self, who: Identity, case: Case) -> Reading:
        """The reading of a writer, who must not have read the case in the other one."""
        reading = self.reading_of(who, case)
        if reading is Reading.ADJUDICATION or not case.second_read:
            return reading
        other = Reading.SECOND if reading is Reading.FIRST else Reading.FIRST
        if who.id in self._reviews.readers(case.id, other):
            raise NotAllowed(
                f"You have given verdicts in the {other} reading of this case; the {reading} is another's."
            )
        return reading

    def _begin_to_write(self, who: Identity, case: Case) -> Reading:
        """The writer's reading; who writes unblinded counts as having seen the case."""
        reading = self._reading_to_write(who, case)
        if reading is not Reading.SECOND:
            self._blinding.note_sighting(who, case)
        return reading

    def _rows(self, cell: Cell, reading: Reading) -> list[Review]:
        return [row for row in self.history(cell) if row.reading is reading]

    def _add(
        self,
        who: Identity,
        cell: Cell,
        reading: Reading,
        seen: int | None,
        *,
        verdict: Verdict,
        note: str = "",
        bulk: bool = False,
        withdraws: int | None = None,
    ) -> Review:
        newest = max((row.number for row in self._rows(cell, reading)), default=0)
        if seen is not None and seen != newest:
            raise Conflict(
                f"Verdict {newest} on cell {cell.position} was given after verdict {seen}, the one you saw. "
                "Look at it, then give yours."
            )
        review = Review(
            id=new_id(),
            cell_id=cell.id,
            reading=reading,
            number=newest + 1,
            verdict=verdict,
            note=note,
            bulk=bulk,
            withdraws=withdraws,
            author_id=who.id,
            author_name=who.name,
            created_at=self._now,
        )
        self._reviews.add(review)
        return review

    def _moved_on(self, case: Case) -> None:
        """After a verdict or a voiding: the case is in review, and both readings may be done."""
        if case.state is CaseState.SCORED:
            case.state = CaseState.IN_REVIEW
        if second_reading_is_open(case) and self._both_readings_are_done(case):
            case.readings_closed_at = self._now
        case.version += 1

    def _both_readings_are_done(self, case: Case) -> bool:
        cells = [cell for cell in self._cases.cells_of(case.id) if is_judgeable(cell)]
        verdicts = self.verdicts(case, cells).values()
        return bool(cells) and all(each.first and each.second for each in verdicts)

    def _record(self, who: Identity, act: Act, review: Review) -> None:
        self._audit.record(
            who,
            act,
            review.cell_id,
            reading=review.reading.value,
            number=review.number,
            verdict=review.verdict.value,
            bulk=review.bulk,
        )


def is_judgeable(cell: Cell) -> bool:
    """Whether there is a cell that counts: the file was taken and is not voided."""
    return cell.state is not CellState.REFUSED and cell.voided_at is None


def refuse_unjudgeable(cell: Cell) -> None:
    """Raise Conflict for a file that was refused and for a voided cell."""
    if cell.state is CellState.REFUSED:
        raise Conflict("This file was refused, so there is no cell to judge.")
    if cell.voided_at is not None:
        raise Conflict("This cell was voided as misfiled, so it takes no verdict.")
