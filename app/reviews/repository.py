"""All SQL about verdicts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.tables import Cell
from app.reviews.tables import Review


class ReviewRepository:
    """Reads and adds verdicts in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, review: Review) -> None:
        self._session.add(review)
        self._session.flush()

    def of_cell(self, cell_id: UUID) -> list[Review]:
        """Oldest first."""
        return list(
            self._session.scalars(sa.select(Review).where(Review.cell_id == cell_id).order_by(Review.number))
        )

    def judged_counts(self, case_ids: list[UUID]) -> dict[UUID, int]:
        """Cells with a verdict, for each case asked for."""
        rows = self._session.execute(
            sa.select(Cell.case_id, sa.func.count(sa.distinct(Review.cell_id)))
            .join(Cell, Cell.id == Review.cell_id)
            .where(Cell.case_id.in_(case_ids))
            .group_by(Cell.case_id)
        )
        return dict.fromkeys(case_ids, 0) | {case_id: count for case_id, count in rows}

    def latest_of(self, cell_ids: list[UUID]) -> dict[UUID, Review]:
        """The newest verdict of each cell that has one."""
        rows = self._session.scalars(
            sa.select(Review).where(Review.cell_id.in_(cell_ids)).order_by(Review.number)
        )
        return {review.cell_id: review for review in rows}
