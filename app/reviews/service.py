"""The rules of review: verdicts are added, never changed, and nobody overwrites anybody unseen."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.cases.repository import CaseRepository, new_id
from app.cases.tables import Case, CaseState, Cell, CellState
from app.errors import BadRequest, Conflict, NotFound
from app.reviews.repository import ReviewRepository
from app.reviews.tables import Review, Verdict

MAX_NOTE_CHARACTERS = 1000


class ReviewService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._reviews = ReviewRepository(session)
        self._cases = CaseRepository(session)
        self._now = now

    def give_verdict(
        self, who: Identity, cell_id: UUID, verdict: Verdict, note: str = "", seen: int | None = None
    ) -> Review:
        """Add a verdict.

        Args:
            seen: number of the newest verdict the writer saw (0 for none); None when the writer did not say.

        Raises:
            NotFound: no such cell here. Conflict: a newer verdict than `seen` exists, or the file was refused.
            BadRequest: the note is too long.
        """
        cell = self._cases.cell(who.site_id, cell_id)
        if cell is None:
            raise NotFound(f"There is no cell {cell_id}.")
        if cell.state is CellState.REFUSED:
            raise Conflict("This file was refused, so there is no cell to judge.")
        note = note.strip()
        if len(note) > MAX_NOTE_CHARACTERS:
            raise BadRequest(f"Expected a note of at most {MAX_NOTE_CHARACTERS} characters, got {len(note)}.")
        newest = max((review.number for review in self._reviews.of_cell(cell_id)), default=0)
        if seen is not None and seen != newest:
            raise Conflict(
                f"Verdict {newest} on this cell was given after verdict {seen}, the one you saw. "
                "Look at it, then give yours."
            )
        review = Review(
            id=new_id(),
            cell_id=cell_id,
            number=newest + 1,
            verdict=verdict,
            note=note,
            author_id=who.id,
            author_name=who.name,
            created_at=self._now,
        )
        try:
            self._reviews.add(review)
        except IntegrityError as raced:
            raise Conflict(
                "Somebody gave a verdict on this cell in the same moment. Look at it first."
            ) from raced
        case = self._cases.case_for_update(who.site_id, cell.case_id)
        if case is not None and case.state is CaseState.SCORED:
            case.state = CaseState.IN_REVIEW
            case.version += 1
        return review

    def history(self, cell: Cell) -> list[Review]:
        """Oldest first."""
        return self._reviews.of_cell(cell.id)

    def judged_counts(self, cases: list[Case]) -> dict[UUID, int]:
        """How many cells of each case have a verdict."""
        return self._reviews.judged_counts([case.id for case in cases])

    def latest(self, cells: list[Cell]) -> dict[UUID, Review]:
        """The newest verdict of each cell that has one."""
        return self._reviews.latest_of([cell.id for cell in cells])
