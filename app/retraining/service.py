"""The rules of the history: every verdict is kept, and an open question passes only with two admins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from app.accounts.permissions import Role
from app.accounts.tables import User
from app.audit.acts import Act
from app.audit.service import Actor, AuditService
from app.errors import BadRequest, Conflict, NotAllowed, NotFound
from app.retraining.outcome import Outcome
from app.retraining.repository import RetrainingRepository
from app.retraining.tables import GateVerdict, Retraining, RetrainingOverride

MAX_REASON_CHARACTERS: Final = 500


class RetrainingService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._retrainings = RetrainingRepository(session)
        self._audit = AuditService(session, now)
        self._now = now

    def keep(
        self, who: Actor, outcome: Outcome, *, folder: str, started_at: datetime, reviewed_cells: int
    ) -> Retraining:
        """Add what a training process found."""
        row = Retraining(
            number=self._retrainings.last_number() + 1,
            folder=folder,
            started_at=started_at,
            finished_at=self._now,
            started_by=who.name,
            champion=outcome.champion,
            champion_sha256=outcome.champion_sha256,
            challenger=outcome.challenger,
            challenger_sha256=outcome.challenger_sha256,
            snapshot_sha256=outcome.snapshot.sha256,
            new_cells=outcome.snapshot.new_cells,
            reviewed_cells=reviewed_cells,
            verdict=outcome.judgement.verdict,
            reasons=list(outcome.judgement.reasons),
            sensitivity=outcome.judgement.sensitivity,
            sensitivity_floor=outcome.limits.sensitivity_floor,
            report=outcome.report,
        )
        self._retrainings.add(row)
        self._audit.record(
            who,
            Act.RETRAINING_JUDGED,
            str(row.number),
            verdict=row.verdict.value,
            challenger=row.challenger,
            snapshot=row.snapshot_sha256,
        )
        return row

    def history(self) -> list[tuple[Retraining, RetrainingOverride | None]]:
        """Newest first, each with its override."""
        return self._retrainings.history()

    def refuse_held_back(self, challenger_sha256: str) -> None:
        """Raise Conflict for a challenger that the gate holds back: an import is no way around two admins."""
        row = self._retrainings.held_back(challenger_sha256)
        if row is not None:
            raise Conflict(
                f"{row.challenger} is held back by the gate: retraining {row.number} is {row.verdict}. "
                "`leukolens retrainings override` lets an open question pass."
            )

    def override(self, number: int, admins: Sequence[User], reason: str) -> Retraining:
        """Let an inconclusive challenger become a candidate, on the word of two admins who signed in for it.

        Raises:
            NotFound: no such retraining. NotAllowed: they are not two different admins. BadRequest: no reason.
            Conflict: it passed, was refused, fell below the sensitivity floor, or was let pass before.
        """
        row = self._retrainings.retraining(number)
        if row is None:
            raise NotFound(f"There is no retraining {number}. `leukolens retrainings list` names them.")
        first, second = self._two_admins(admins)
        reason = reason.strip()
        if not 3 <= len(reason) <= MAX_REASON_CHARACTERS:
            raise BadRequest(f"Expected a reason of 3 to {MAX_REASON_CHARACTERS} characters.", field="reason")
        self._refuse_unless_open(row)
        override = RetrainingOverride(
            number=number,
            first_admin_id=first.id,
            first_admin=first.name,
            second_admin_id=second.id,
            second_admin=second.name,
            reason=reason,
            created_at=self._now,
        )
        self._retrainings.add(override)
        self._audit.record(
            first, Act.RETRAINING_OVERRIDDEN, str(number), second=str(second.id), challenger=row.challenger
        )
        return row

    def _two_admins(self, admins: Sequence[User]) -> tuple[User, User]:
        allowed = {user.id: user for user in admins if user.role is Role.ADMIN and user.disabled_at is None}
        if len(allowed) != 2:
            raise NotAllowed("An override needs two different admins.")
        first, second = allowed.values()
        return first, second

    def _refuse_unless_open(self, row: Retraining) -> None:
        if row.sensitivity < row.sensitivity_floor:
            raise Conflict(
                f"Retraining {row.number} reached a sensitivity of {row.sensitivity:.3f}, below the floor of "
                f"{row.sensitivity_floor:g}; nobody lets that pass."
            )
        if row.verdict is not GateVerdict.INCONCLUSIVE:
            raise Conflict(f"Only an inconclusive retraining can be let pass; {row.number} is {row.verdict}.")
        if self._retrainings.override(row.number) is not None:
            raise Conflict(f"Retraining {row.number} was let pass before.")
