"""All SQL about verdicts."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.cases.tables import Case, CaseState, Cell
from app.reviews.tables import Reading, Review


class ReviewRepository:
    """Reads and adds verdicts in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, review: Review) -> None:
        self._session.add(review)
        self._session.flush()

    def of_cells(self, cell_ids: list[UUID]) -> dict[UUID, list[Review]]:
        """All rows of each cell, oldest first."""
        rows = self._session.scalars(
            sa.select(Review)
            .where(Review.cell_id.in_(cell_ids))
            .order_by(Review.created_at, Review.reading, Review.number)
        )
        found: dict[UUID, list[Review]] = {cell_id: [] for cell_id in cell_ids}
        for row in rows:
            found[row.cell_id].append(row)
        return found

    def of_read_cases(self, site_id: UUID) -> dict[tuple[UUID, UUID], list[Review]]:
        """All rows of cases where both readings are done, by case and cell; no retracted or drawn case, no voided cell."""
        rows = self._session.execute(
            sa.select(Case.id, Review)
            .join(Cell, Cell.id == Review.cell_id)
            .join(Case, Case.id == Cell.case_id)
            .where(
                Case.site_id == site_id,
                Case.second_read,
                Case.readings_closed_at.is_not(None),
                Case.state != CaseState.RETRACTED,
                Case.drawn.is_(False),
                Cell.voided_at.is_(None),
            )
        )
        found: dict[tuple[UUID, UUID], list[Review]] = {}
        for case_id, review in rows:
            found.setdefault((case_id, review.cell_id), []).append(review)
        return found

    def readers(self, case_id: UUID, reading: Reading) -> set[UUID]:
        """Who gave a verdict on the case in this reading."""
        rows = (
            sa.select(Review.author_id)
            .join(Cell, Cell.id == Review.cell_id)
            .where(Cell.case_id == case_id, Review.reading == reading)
        )
        return set(self._session.scalars(rows.distinct()))

    def judged_counts(self, case_ids: list[UUID]) -> dict[UUID, int]:
        """Cells with a verdict that was not taken back, for each case asked for."""
        taken_back = aliased(Review)
        # Counted cell by cell: as a join PostgreSQL expects one row of it and reads every review there is.
        standing = (
            sa.select(sa.func.count())
            .select_from(Review)
            .outerjoin(
                taken_back,
                sa.and_(
                    taken_back.cell_id == Review.cell_id,
                    taken_back.reading == Review.reading,
                    taken_back.withdraws == Review.number,
                ),
            )
            .where(Review.cell_id == Cell.id, Review.withdraws.is_(None), taken_back.id.is_(None))
            .scalar_subquery()
        )
        rows = self._session.execute(
            sa.select(Cell.case_id, sa.func.count())
            .where(Cell.case_id.in_(case_ids), Cell.voided_at.is_(None), standing > 0)
            .group_by(Cell.case_id)
        )
        return dict.fromkeys(case_ids, 0) | {case_id: count for case_id, count in rows}
