"""All SQL that erases."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.tables import Case, Cell, Prediction, ReusePermission, Sighting
from app.idempotency.tables import KeptAnswer
from app.outbox.tables import Message
from app.reviews.tables import Review
from app.sign_off.tables import SignOff


class ErasureRepository:
    """Finds and deletes cases in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_subject(self, subject_ref: str) -> list[Case]:
        """Cases of one person by the lab's own name, of every site."""
        return self._cases(Case.subject_ref == subject_ref)

    def opened_before(self, moment: datetime) -> list[Case]:
        return self._cases(Case.created_at < moment)

    def by_id(self, case_ids: list[UUID]) -> list[Case]:
        return self._cases(Case.id.in_(case_ids))

    def digests(self, case_id: UUID) -> tuple[set[str], set[str]]:
        """Of a case's cells: files as they came, and pictures in the store."""
        rows = self._session.execute(
            sa.select(Cell.image_sha256, Cell.pixels_sha256).where(Cell.case_id == case_id)
        ).all()
        return {row[0] for row in rows}, {row[1] for row in rows if row[1] is not None}

    def delete(self, case_id: UUID) -> int:
        """Delete a case with everything that hangs on it; how many cells it had."""
        cells = sa.select(Cell.id).where(Cell.case_id == case_id)
        requests = sa.select(Cell.request_id).where(Cell.case_id == case_id, Cell.request_id.is_not(None))
        opened_by = sa.select(Case.request_id).where(Case.id == case_id, Case.request_id.is_not(None))
        for table, belongs in (
            (KeptAnswer, sa.or_(KeptAnswer.id.in_(requests), KeptAnswer.id.in_(opened_by))),
            (Message, Message.case_id == case_id),
            (Review, Review.cell_id.in_(cells)),
            (Prediction, Prediction.cell_id.in_(cells)),
            (SignOff, SignOff.case_id == case_id),
            (ReusePermission, ReusePermission.case_id == case_id),
            (Sighting, Sighting.case_id == case_id),
        ):
            self._session.execute(sa.delete(table).where(belongs))
        gone = self._session.execute(sa.delete(Cell).where(Cell.case_id == case_id))
        self._session.execute(sa.delete(Case).where(Case.id == case_id))
        return int(gone.rowcount)  # type: ignore[attr-defined] # a DELETE counts its rows

    def _cases(self, condition: sa.ColumnElement[bool]) -> list[Case]:
        return list(self._session.scalars(sa.select(Case).where(condition).order_by(Case.created_at)))
