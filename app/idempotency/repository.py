"""All SQL about kept answers."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.idempotency.tables import KeptAnswer


class KeptAnswerRepository:
    """Reads and writes kept answers in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: KeptAnswer) -> None:
        self._session.add(row)
        self._session.flush()

    def find(self, caller_id: UUID, key: str) -> KeptAnswer | None:
        return self._session.scalar(
            sa.select(KeptAnswer)
            .where(KeptAnswer.caller_id == caller_id, KeptAnswer.key == key)
            .with_for_update()
        )

    def get(self, answer_id: UUID) -> KeptAnswer | None:
        return self._session.get(KeptAnswer, answer_id)

    def end_running(self, moment: datetime) -> None:
        self._session.execute(
            sa.update(KeptAnswer)
            .where(KeptAnswer.status.is_(None), KeptAnswer.running_until > moment)
            .values(running_until=moment)
        )

    def delete_before(self, moment: datetime) -> None:
        self._session.execute(sa.delete(KeptAnswer).where(KeptAnswer.created_at < moment))
