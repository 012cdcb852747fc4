"""A retry never makes a second case: one key, one request, one answer.

Source: IETF draft "The Idempotency-Key HTTP Header Field" (draft-ietf-httpapi-idempotency-key-header-07).
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.errors import BadRequest, KeyReused, StillRunning
from app.idempotency.repository import KeptAnswerRepository
from app.idempotency.tables import KeptAnswer

RUNNING_LIMIT = timedelta(seconds=30)
"""After this a first request that never answered counts as lost, and a retry may run."""

KEEP = timedelta(days=7)
MAX_KEY_CHARACTERS = 200


@dataclass(frozen=True)
class Answer:
    """An answer as it went out."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Turn:
    """What a keyed request may do: replay `answer`, or run as `request_id`."""

    request_id: UUID
    answer: Answer | None


class IdempotencyService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._answers = KeptAnswerRepository(session)
        self._now = now

    def begin(self, caller_id: UUID, key: str, request_sha256: str) -> Turn:
        """Ask for a turn.

        Raises:
            KeyReused: the key was used for another request. StillRunning: its first request has not answered
            yet. BadRequest: the key is empty or too long.
        """
        if not 0 < len(key) <= MAX_KEY_CHARACTERS:
            raise BadRequest(
                f"Expected an Idempotency-Key of 1 to {MAX_KEY_CHARACTERS} characters, got {len(key)}."
            )
        row = self._answers.find(caller_id, key)
        if row is None:
            return self._first(caller_id, key, request_sha256)
        if row.request_sha256 != request_sha256:
            raise KeyReused("This Idempotency-Key came with another request before. Use a new key.")
        if row.status is not None:
            return Turn(row.id, Answer(row.status, row.content_type or "", row.body or b""))
        if row.running_until > self._now:
            raise StillRunning("Ask again shortly; the answer will be the same.", retry_after_s=1)
        row.running_until = self._now + RUNNING_LIMIT
        return Turn(row.id, None)

    def _first(self, caller_id: UUID, key: str, request_sha256: str) -> Turn:
        self._answers.delete_before(self._now - KEEP)
        row = KeptAnswer(
            id=uuid.uuid4(),
            caller_id=caller_id,
            key=key,
            request_sha256=request_sha256,
            running_until=self._now + RUNNING_LIMIT,
            created_at=self._now,
        )
        try:
            self._answers.add(row)
        except IntegrityError as raced:
            raise StillRunning("Ask again shortly; the answer will be the same.", retry_after_s=1) from raced
        return Turn(row.id, None)

    def finish(self, request_id: UUID, answer: Answer) -> None:
        """Keep the answer for retries."""
        row = self._answers.get(request_id)
        if row is not None:
            row.status, row.content_type, row.body = answer.status, answer.content_type, answer.body

    def release(self, request_id: UUID) -> None:
        """The request failed in a way a retry may mend: let it run at once."""
        row = self._answers.get(request_id)
        if row is not None:
            row.running_until = self._now

    def release_all(self) -> None:
        """No server lives that could still answer a running request: let every retry run at once."""
        self._answers.end_running(self._now)
