"""All SQL of the history of retrainings."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.retraining.tables import GateVerdict, Retraining, RetrainingOverride


class RetrainingRepository:
    """Reads and adds in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Retraining | RetrainingOverride) -> None:
        self._session.add(row)
        self._session.flush()

    def retraining(self, number: int) -> Retraining | None:
        return self._session.get(Retraining, number)

    def override(self, number: int) -> RetrainingOverride | None:
        return self._session.get(RetrainingOverride, number)

    def history(self) -> list[tuple[Retraining, RetrainingOverride | None]]:
        """Newest first."""
        rows = self._session.execute(
            sa.select(Retraining, RetrainingOverride)
            .outerjoin(RetrainingOverride, RetrainingOverride.number == Retraining.number)
            .order_by(Retraining.number.desc())
        )
        return [(row[0], row[1]) for row in rows]

    def held_back(self, challenger_sha256: str) -> Retraining | None:
        """The retraining of a challenger that neither passed nor was let pass."""
        return self._session.scalar(
            sa.select(Retraining)
            .outerjoin(RetrainingOverride, RetrainingOverride.number == Retraining.number)
            .where(
                Retraining.challenger_sha256 == challenger_sha256,
                Retraining.verdict != GateVerdict.PASSED,
                RetrainingOverride.number.is_(None),
            )
            .limit(1)
        )

    def last_number(self) -> int:
        return self._session.scalar(sa.select(sa.func.max(Retraining.number))) or 0
