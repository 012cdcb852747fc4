"""Case records from the case log: one for messages that go out, one for an asker who may be blind."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.accounts.repository import AccountRepository
from app.audit.acts import Act
from app.audit.service import AuditService
from app.cases.service import CaseService
from app.cases.tables import Case
from app.reports.assemble import assemble
from app.reports.case_record import CaseRecord
from app.reviews.service import ReviewService, is_judgeable
from app.reviews.standing import CellVerdicts
from app.reviews.view import CaseReading, CaseViewer
from app.sign_off.service import SignOffService


class ReportService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._cases = CaseService(session, now)
        self._reviews = ReviewService(session, now)
        self._viewer = CaseViewer(session, now)
        self._sign_offs = SignOffService(session, now)
        self._accounts = AccountRepository(session)
        self._audit = AuditService(session, now)
        self._now = now

    def record(self, case: Case) -> CaseRecord:
        """All there is; for messages about what was just signed, where nobody is blind any more."""
        cells = [cell for cell in self._cases.cells(case) if is_judgeable(cell)]
        return assemble(
            case,
            self._accounts.site_by_id(case.site_id),
            cells,
            self._cases.counts(case),
            self._cases.latest_predictions(cells),
            self._reviews.verdicts(case, cells),
            self._sign_offs.history(case),
            self._now,
        )

    def export(self, who: Identity, case_id: UUID, form: str) -> CaseRecord:
        """What the asker may see, as it leaves in some form; the trail says so.

        Raises:
            NotFound: there is no such case here.
        """
        view = self._viewer.case(who, case_id)
        record = self._blinded(view) if view.blind else self.record(view.case)
        self._audit.record(
            who, Act.CASE_EXPORTED, case_id, form=form, version=record.version, record=record.digest
        )
        return record

    def _blinded(self, view: CaseReading) -> CaseRecord:
        """For a reader who is to judge without the machine and the first reading."""
        case, cells = view.case, [cell for cell in view.cells if is_judgeable(cell)]
        own = {cell_id: CellVerdicts(second=review) for cell_id, review in view.verdicts.items()}
        return assemble(
            case,
            self._accounts.site_by_id(case.site_id),
            cells,
            self._cases.counts(case),
            {},
            own,
            self._sign_offs.history(case),
            self._now,
            blinded=True,
        )
