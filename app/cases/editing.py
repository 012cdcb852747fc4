"""What people enter about a case: its names, its acquisition profile, what its cells may be used for."""

import re
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.audit.acts import Act
from app.audit.service import AuditService
from app.cases.acquisition import AcquisitionProfile, TrainingOf
from app.cases.changing import case_to_change, locked_case
from app.cases.repository import CaseRepository, new_id
from app.cases.service import CaseService, check_accession
from app.cases.tables import Case, Reuse, ReusePermission, SiteAcquisition
from app.errors import BadRequest, Conflict, NotAllowed

MAX_NOTES_CHARACTERS = 2000
MAX_BASIS_CHARACTERS = 500
_IDENTIFIER = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,63}")


@dataclass(frozen=True)
class CaseDetails:
    """What may be edited of a case, all of it; `dataclasses.replace` on what `of` gives changes a part."""

    accession: str | None
    subject_ref: str | None
    specimen_id: str | None
    placer_order: str | None
    filler_order: str | None
    notes: str
    acquisition: AcquisitionProfile
    second_read: bool

    @classmethod
    def of(cls, case: Case) -> Self:
        return cls(
            accession=case.accession,
            subject_ref=case.subject_ref,
            specimen_id=case.specimen_id,
            placer_order=case.placer_order,
            filler_order=case.filler_order,
            notes=case.notes,
            acquisition=AcquisitionProfile.of(case.acquisition),
            second_read=case.second_read,
        )


class CaseEditor:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime, training_of: TrainingOf) -> None:
        self._cases = CaseRepository(session)
        self._log = CaseService(session, now)
        self._training_of = training_of
        self._audit = AuditService(session, now)
        self._now = now

    def change(self, who: Identity, case_id: UUID, details: CaseDetails, seen_version: int | None) -> Case:
        """Give an open case new details.

        Raises:
            NotFound: no such case here. Conflict: it has changed since, is closed, or another case has the
            accession. BadRequest: a detail is not of its form.
        """
        case = case_to_change(self._cases, who.site_id, case_id, seen_version)
        changed = [
            field.name
            for field in fields(details)
            if getattr(details, field.name) != getattr(CaseDetails.of(case), field.name)
        ]
        if not changed:
            return case
        self._check(case, details)
        for name in set(changed) - {"acquisition"}:
            setattr(case, name, getattr(details, name))
        if "acquisition" in changed:
            case.acquisition = details.acquisition.stored()
            self._log.weigh_anew(case, self._training_of)
        case.version += 1
        self._audit.record(who, Act.CASE_CHANGED, case.id, fields=",".join(changed), version=case.version)
        return case

    def set_reuse(
        self, who: Identity, case_id: UUID, reuse: Reuse, basis: str, seen_version: int | None
    ) -> ReusePermission:
        """Say what the cells of a case may be used for, from now on; a signed case takes it, too.

        Raises:
            NotAllowed: a key asks. BadRequest: no basis is given. NotFound, Conflict: as `locked_case`.
        """
        if who.user_id is None:
            raise NotAllowed("A person answers for the permission to reuse cells; a key cannot.")
        basis = basis.strip()
        if not 1 <= len(basis) <= MAX_BASIS_CHARACTERS:
            raise BadRequest(
                f"Expected what this rests on in 1 to {MAX_BASIS_CHARACTERS} characters, "
                "the number of a consent form or the reason of a withdrawal for instance.",
                field="basis",
            )
        case = locked_case(self._cases, who.site_id, case_id, seen_version)
        permission = ReusePermission(
            id=new_id(),
            case_id=case.id,
            number=len(self._cases.reuse_history(case.id)) + 1,
            reuse=reuse,
            basis=basis,
            author_id=who.id,
            author_name=who.name,
            created_at=self._now,
        )
        self._cases.add(permission)
        case.version += 1
        self._audit.record(who, Act.REUSE_CHANGED, case.id, reuse=reuse.value)
        return permission

    def set_site_profile(self, who: Identity, profile: AcquisitionProfile) -> None:
        """How this site takes its pictures; cases opened from now on start with it.

        Raises:
            BadRequest: the profile says nothing.
        """
        stored = profile.stored()
        if stored is None:
            raise BadRequest("Expected at least one field of the acquisition profile.")
        newest = self._cases.site_acquisition(who.site_id)
        row = SiteAcquisition(
            id=new_id(),
            site_id=who.site_id,
            number=newest.number + 1 if newest else 1,
            acquisition=stored,
            author_id=who.id,
            author_name=who.name,
            created_at=self._now,
        )
        self._cases.add(row)
        self._audit.record(who, Act.SITE_ACQUISITION_CHANGED, who.site_id, number=row.number)

    def _check(self, case: Case, details: CaseDetails) -> None:
        if details.accession is not None and details.accession != case.accession:
            check_accession(details.accession)
            if self._cases.case_by_accession(case.site_id, details.accession) is not None:
                raise Conflict("Another case of this site has that accession.")
        for name in ("subject_ref", "specimen_id", "placer_order", "filler_order"):
            value = getattr(details, name)
            if value is not None and not _IDENTIFIER.fullmatch(value):
                raise BadRequest(f"Expected {name} of 1 to 64 printable ASCII characters.", field=name)
        if len(details.notes) > MAX_NOTES_CHARACTERS:
            raise BadRequest(
                f"Expected notes of at most {MAX_NOTES_CHARACTERS} characters, got {len(details.notes)}.",
                field="notes",
            )
