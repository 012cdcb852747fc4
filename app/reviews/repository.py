"""All SQL about verdicts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

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

    def latest_of(self, cell_ids: list[UUID]) -> dict[UUID, Review]:
        """The newest verdict of each cell that has one."""
        rows = self._session.scalars(
            sa.select(Review).where(Review.cell_id.in_(cell_ids)).order_by(Review.number)
        )
        return {review.cell_id: review for review in rows}
