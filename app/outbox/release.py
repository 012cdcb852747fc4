"""Signing that is told: the act and its messages in one unit of work, so that there is never one without the other."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.cases.service import CaseService
from app.outbox.service import OutboxService
from app.sign_off.service import SignOffService
from app.sign_off.tables import SignOff


class ReleaseService:
    """What doors call to sign, amend and retract. Works inside the caller's unit of work; never commits.

    Refuses what `SignOffService` refuses.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self._cases = CaseService(session, now)
        self._sign_offs = SignOffService(session, now)
        self._outbox = OutboxService(session, now)

    def sign(self, who: Identity, case_id: UUID, seen_version: int) -> SignOff:
        return self._told(who, self._sign_offs.sign(who, case_id, seen_version))

    def amend(self, who: Identity, case_id: UUID, reason: str, seen_version: int) -> SignOff:
        return self._told(who, self._sign_offs.amend(who, case_id, reason, seen_version))

    def retract(self, who: Identity, case_id: UUID, reason: str, seen_version: int) -> SignOff:
        return self._told(who, self._sign_offs.retract(who, case_id, reason, seen_version))

    def _told(self, who: Identity, act: SignOff) -> SignOff:
        self._outbox.announce(self._cases.case(who, act.case_id), act.kind)
        return act
