"""All SQL about signatures."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.sign_off.tables import SignOff


class SignOffRepository:
    """Reads and adds signatures in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: SignOff) -> None:
        self._session.add(row)
        self._session.flush()

    def of_case(self, case_id: UUID) -> list[SignOff]:
        """Oldest first."""
        return list(
            self._session.scalars(
                sa.select(SignOff).where(SignOff.case_id == case_id).order_by(SignOff.number)
            )
        )
