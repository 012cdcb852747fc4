"""The rules of signing: a person closes a case, opens it again with a reason, or takes it back; nothing is overwritten."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import Identity, Permission
from app.audit.acts import Act
from app.audit.service import AuditService
from app.cases.blinding import Blinding, second_reading_is_open
from app.cases.changing import locked_case, refuse_closed
from app.cases.repository import CaseRepository, new_id
from app.cases.tables import Case, CaseState
from app.errors import BadRequest, Conflict, NotAllowed
from app.reviews.service import ReviewService, is_judgeable
from app.sign_off.pre_checks import Finding, findings
from app.sign_off.repository import SignOffRepository
from app.sign_off.tables import SignOff, SignOffKind

MAX_REASON_CHARACTERS = 1000

MEANING: Final[dict[SignOffKind, str]] = {
    SignOffKind.SIGN: "I have reviewed this case and answer for its verdicts.",
    SignOffKind.AMEND: "What was signed no longer holds; this case is open again.",
    SignOffKind.RETRACT: "What was signed must not be used; it is about another patient, or from a wrong file.",
}


class SignOffService:
    """Works inside the caller's unit of work; never commits.

    The door has just checked the signer's password: a session alone does not sign.
    """

    def __init__(self, session: Session, now: datetime) -> None:
        self._sign_offs = SignOffRepository(session)
        self._cases = CaseRepository(session)
        self._reviews = ReviewService(session, now)
        self._blinding = Blinding(session, now)
        self._audit = AuditService(session, now)
        self._now = now

    def pre_checks(self, case: Case) -> tuple[Finding, ...]:
        """What stands out before signing, blocking ones first."""
        cells = [cell for cell in self._cases.cells_of(case.id) if is_judgeable(cell)]
        verdicts = self._reviews.verdicts(case, cells).values()
        unsettled = sum(each.disagree and each.adjudication is None for each in verdicts)
        return findings(
            case,
            self._cases.counts([case.id])[case.id],
            self._cases.label_counts([case.id])[case.id],
            without_verdict=sum(each.final is None for each in verdicts) - unsettled,
            unsettled=unsettled,
            reading_is_open=second_reading_is_open(case),
        )

    def pre_checks_for(self, who: Identity, case: Case) -> tuple[Finding, ...]:
        """The same for one asker.

        Raises:
            NotAllowed: they read the case blind, and what the machine said stands out, too.
        """
        if self._blinding.blind_to(who, [case]):
            raise NotAllowed(
                "You read this case blind. What stands out is shown when both readings are done."
            )
        return self.pre_checks(case)

    def sign(self, who: Identity, case_id: UUID, seen_version: int) -> SignOff:
        """Close a case under the signer's name.

        Raises:
            NotAllowed: not a person who may sign. NotFound: no such case here. Conflict: it has changed since it
            was seen, is signed already, or a pre-check blocks.
        """
        case = self._locked(who, case_id, seen_version)
        refuse_closed(case)
        found = self.pre_checks(case)
        blocking = [f"{each.check} ({each.count})" for each in found if each.blocks]
        if blocking:
            raise Conflict(f"This case cannot be signed yet: {', '.join(blocking)}.")
        signed_before = any(row.kind is SignOffKind.SIGN for row in self.history(case))
        row = self._add(who, case, SignOffKind.SIGN, "", found)
        case.state = CaseState.AMENDED if signed_before else CaseState.SIGNED
        self._audit.record(who, Act.CASE_SIGNED, case.id, number=row.number, version=case.version)
        return row

    def amend(self, who: Identity, case_id: UUID, reason: str, seen_version: int) -> SignOff:
        """Open a signed case again; it is signed anew when it is right.

        Raises:
            As `sign`. BadRequest: no reason is given. Conflict: the case is not signed.
        """
        case = self._locked(who, case_id, seen_version)
        if case.state not in (CaseState.SIGNED, CaseState.AMENDED):
            raise Conflict(f"Only a signed case is amended; this one is {case.state}.")
        row = self._add(who, case, SignOffKind.AMEND, _reason(reason))
        case.state = CaseState.IN_REVIEW
        self._audit.record(who, Act.CASE_AMENDED, case.id, number=row.number, version=case.version)
        return row

    def retract(self, who: Identity, case_id: UUID, reason: str, seen_version: int) -> SignOff:
        """Take back what was signed, for good.

        Raises:
            As `sign`. BadRequest: no reason is given. Conflict: the case was never signed, or is retracted already.
        """
        case = self._locked(who, case_id, seen_version)
        if case.state is CaseState.RETRACTED or not self.history(case):
            raise Conflict(f"Only a case that was signed is retracted; this one is {case.state}.")
        row = self._add(who, case, SignOffKind.RETRACT, _reason(reason))
        case.state = CaseState.RETRACTED
        self._audit.record(who, Act.CASE_RETRACTED, case.id, number=row.number, version=case.version)
        return row

    def history(self, case: Case) -> list[SignOff]:
        """Oldest first."""
        return self._sign_offs.of_case(case.id)

    def open_amendment(self, case: Case) -> SignOff | None:
        """Why a case that was signed is open again; None when it is not."""
        rows = self.history(case)
        return rows[-1] if rows and rows[-1].kind is SignOffKind.AMEND else None

    def _locked(self, who: Identity, case_id: UUID, seen_version: int) -> Case:
        if who.user_id is None or Permission.SIGN not in who.permissions:
            raise NotAllowed(
                "A reviewer signs, amends and retracts, signed in as a person. A key never does."
            )
        return locked_case(self._cases, who.site_id, case_id, seen_version)

    def _add(
        self, who: Identity, case: Case, kind: SignOffKind, reason: str, found: tuple[Finding, ...] = ()
    ) -> SignOff:
        row = SignOff(
            id=new_id(),
            case_id=case.id,
            number=len(self.history(case)) + 1,
            kind=kind,
            meaning=MEANING[kind],
            reason=reason,
            findings={each.check.value: each.count for each in found},
            author_id=who.id,
            author_name=who.name,
            created_at=self._now,
        )
        self._sign_offs.add(row)
        case.version += 1
        return row


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON_CHARACTERS:
        raise BadRequest(f"Expected a reason of 1 to {MAX_REASON_CHARACTERS} characters.", field="reason")
    return reason
