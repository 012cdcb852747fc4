"""Who must not see the machine's answers of a case, nor what another reader said of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.cases.repository import CaseRepository
from app.cases.tables import Case


class Blinding:
    """While a case's second reading is open, everybody is blind to it who has not been shown it before.

    Systems are blind, too: what a key reads may be on a reader's screen in the same moment. Works inside the
    caller's unit of work; never commits.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self._cases = CaseRepository(session)
        self._now = now

    def blind_to(self, who: Identity, cases: list[Case]) -> set[UUID]:
        """Ids of those cases to which the asker is blind now."""
        hidden = {case.id for case in cases if second_reading_is_open(case)}
        if not hidden or who.user_id is None:
            return hidden
        return hidden - self._cases.seen_by(who.user_id, list(hidden))

    def note_sighting(self, who: Identity, case: Case) -> None:
        """Remember that a person is shown a case unblinded: the second, blinded reading is not for them."""
        if who.user_id is not None:
            self._cases.add_sighting(case.id, who.user_id, self._now)


def second_reading_is_open(case: Case) -> bool:
    """Whether a second, blinded reading is asked for and not done."""
    return case.second_read and case.readings_closed_at is None
