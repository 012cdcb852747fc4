"""The rules of the case log. Pure of HTTP; the caller owns the transaction."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.audit.acts import Act
from app.audit.service import AuditService
from app.cases.acquisition import (
    AcquisitionProfile,
    ProfileCheck,
    TrainingOf,
    check_profile,
    held_back,
)
from app.cases.blinding import Blinding
from app.cases.changing import case_to_change, locked_case, refuse_closed
from app.cases.repository import CaseCounts, CaseRepository, WaitingCell, new_id
from app.cases.tables import Case, CaseState, Cell, CellState, Prediction, ReusePermission
from app.errors import BadRequest, Conflict, LeukolensError, NotAllowed, NotFound
from app.inference.scorer import ModelRef, Score
from app.inference.upload import Picture
from models.bundle import TrainingAcquisition
from models.classifier import PredictionLabel

LEASE = timedelta(seconds=60)
ATTEMPTS_LIMIT = 5
PAGE_LIMIT = 100
_ACCESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")
_CLIENT_REF = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,127}")


@dataclass(frozen=True)
class CasePage:
    """One page of the case list, newest first. next_cursor: None on the last page."""

    cases: list[Case]
    counts: dict[UUID, CaseCounts]
    next_cursor: str | None


@dataclass(frozen=True)
class Origin:
    """Which upload request, and which of its parts, a cell comes from; request_id is None without a key."""

    request_id: UUID | None = None
    part: int = 0


class CaseService:
    """Works inside the caller's unit of work; never commits."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._cases = CaseRepository(session)
        self._blinding = Blinding(session, now)
        self._audit = AuditService(session, now)
        self._now = now

    # --- cases ---

    def open_case(
        self, who: Identity, accession: str | None, *, request_id: UUID | None = None, drawn: bool = False
    ) -> tuple[Case, bool]:
        """Open a case, or join the open one that has the accession already; the flag says whether it is new.

        A new one starts with the acquisition profile of its site.

        Raises:
            BadRequest: the accession is not of its form. Conflict: the case that has it is signed.
        """
        if accession is not None:
            check_accession(accession)
        known = self._cases.case_by_request(request_id) if request_id else None
        if known is None and accession is not None:
            known = self._cases.case_by_accession(who.site_id, accession)
            if known is not None:
                refuse_closed(known)
        if known is not None:
            return known, False
        site_profile = None if drawn else self._cases.site_acquisition(who.site_id)
        case = Case(
            id=new_id(),
            site_id=who.site_id,
            accession=accession,
            state=CaseState.OPEN,
            drawn=drawn,
            version=1,
            created_at=self._now,
            created_by=who.id,
            request_id=request_id,
            acquisition=site_profile.acquisition if site_profile else None,
        )
        self._cases.add(case)
        self._audit.record(who, Act.CASE_OPENED, case.id, drawn=drawn)
        return case, True

    def case(self, who: Identity, case_id: UUID) -> Case:
        """A case of the asker's own site.

        Raises:
            NotFound: there is none, or it belongs to another site.
        """
        case = self._cases.case(who.site_id, case_id)
        if case is None:
            raise NotFound(f"There is no case {case_id}.")
        return case

    def cases(
        self,
        who: Identity,
        *,
        search: str = "",
        state: CaseState | None = None,
        cursor: str | None = None,
        limit: int = 25,
    ) -> CasePage:
        """Newest first. search: start of the accession. cursor: `next_cursor` of the page before."""
        limit = min(max(limit, 1), PAGE_LIMIT)
        before = _read_cursor(cursor) if cursor else None
        rows = self._cases.cases(who.site_id, search=search, state=state, before=before, limit=limit + 1)
        page, more = rows[:limit], len(rows) > limit
        counts = self._cases.counts([case.id for case in page])
        return CasePage(page, counts, _write_cursor(page[-1]) if more else None)

    def reuse_history(self, case: Case) -> list[ReusePermission]:
        """What the case's cells were allowed for, oldest first; before the first row, for nothing."""
        return self._cases.reuse_history(case.id)

    def site_profile(self, site_id: UUID) -> AcquisitionProfile:
        """What a new case of the site starts with."""
        row = self._cases.site_acquisition(site_id)
        return AcquisitionProfile.of(row.acquisition if row else None)

    def counts(self, case: Case) -> CaseCounts:
        return self._cases.counts([case.id])[case.id]

    def counts_of(self, who: Identity, case_id: UUID) -> CaseCounts:
        return self.counts(self.case(who, case_id))

    # --- cells ---

    def cells(self, case: Case) -> list[Cell]:
        """In upload order, refused ones included."""
        return self._cases.cells_of(case.id)

    def cell(self, who: Identity, cell_id: UUID) -> Cell:
        """A cell of the asker's own site.

        Raises:
            NotFound: there is none, or it belongs to another site.
        """
        cell = self._cases.cell(who.site_id, cell_id)
        if cell is None:
            raise NotFound(f"There is no cell {cell_id}.")
        return cell

    def picture_digest(self, who: Identity, cell_id: UUID) -> str:
        """Name of the cell's picture in the image store."""
        digest = self.cell(who, cell_id).pixels_sha256
        if digest is None:
            raise NotFound("This file was refused; nothing of it was kept.")
        return digest

    def neighbours(self, cell: Cell) -> tuple[UUID | None, UUID | None]:
        return self._cases.neighbours(cell)

    def cells_of_request(self, request_id: UUID | None) -> dict[int, Cell]:
        """What an earlier try of the same request has stored already."""
        return self._cases.cells_by_request(request_id) if request_id else {}

    def add_cell(
        self,
        who: Identity,
        case_id: UUID,
        picture: Picture,
        client_ref: str | None,
        origin: Origin,
        *,
        leased: bool,
    ) -> Cell:
        """Log a stored picture. leased: its caller scores it now, the backlog keeps off for a while."""
        if client_ref is not None and not _CLIENT_REF.fullmatch(client_ref):
            raise BadRequest("Expected a client_ref of 1 to 128 printable ASCII characters.")
        return self._append(
            who,
            case_id,
            state=CellState.STORED,
            client_ref=client_ref,
            image_sha256=picture.image_sha256,
            pixels_sha256=picture.pixels_sha256,
            file_format=picture.format,
            measurements=picture.measurements,
            quality=list(picture.warnings),
            lease_until=self._now + LEASE if leased else None,
            attempts=1 if leased else 0,
            request_id=origin.request_id,
            request_part=origin.part if origin.request_id else None,
        )

    def add_refused(
        self, who: Identity, case_id: UUID, image_sha256: str, refusal: LeukolensError, origin: Origin
    ) -> Cell:
        """Log that a file was refused, and why; nothing else of it is kept."""
        return self._append(
            who,
            case_id,
            state=CellState.REFUSED,
            image_sha256=image_sha256,
            problem_code=refusal.code,
            problem_detail=refusal.detail[:500],
            request_id=origin.request_id,
            request_part=origin.part if origin.request_id else None,
        )

    def _append(self, who: Identity, case_id: UUID, **values: object) -> Cell:
        case = case_to_change(self._cases, who.site_id, case_id)
        cell = Cell(
            id=new_id(),
            case_id=case.id,
            position=self._cases.next_position(case.id),
            created_at=self._now,
            **values,
        )
        self._cases.add(cell)
        if cell.state is CellState.STORED:
            case.state = CaseState.OPEN
        case.version += 1
        self._audit.record(who, Act.CELLS_ADDED, case.id, cell=str(cell.id), state=cell.state.value)
        return cell

    # --- predictions ---

    def add_prediction(
        self, who_site: UUID, cell_id: UUID, score: Score, training: TrainingAcquisition | None
    ) -> Prediction:
        """Log what a model said; a second score of the same cell by the same model changes nothing.

        Args:
            training: how the model's training pictures were taken, which the case's profile is held against.

        Raises:
            Conflict: the score is not a probability. NotFound: there is no such cell.
        """
        cell = self._cases.cell(who_site, cell_id)
        if cell is None:
            raise NotFound(f"There is no cell {cell_id}.")
        known = self._cases.prediction(cell_id, score.model.sha256)
        if known is not None:
            return known
        output = score.output
        if output.p_malignant is not None and not 0.0 <= output.p_malignant <= 1.0:
            raise Conflict(f"Expected a probability, got {output.p_malignant}.")
        case = locked_case(self._cases, who_site, cell.case_id, None)
        label, reasons = held_back(output.label, output.reasons, _check_of(case, training))
        prediction = Prediction(
            id=new_id(),
            cell_id=cell_id,
            model_name=score.model.name,
            model_version=score.model.version,
            model_sha256=score.model.sha256,
            engine=score.engine,
            preprocessing_version=score.preprocessing_version,
            label=label,
            model_label=output.label,
            p_malignant=output.p_malignant,
            band_low=score.band[0],
            band_high=score.band[1],
            reasons=reasons,
            prediction_set=None if output.prediction_set is None else list(output.prediction_set),
            quality=list(output.quality.reasons),
            embedding=b"" if output.embedding is None else output.embedding.astype("<f4").tobytes(),
            heatmap=b"" if output.heatmap is None else _scaled_to_one(output.heatmap).astype("<f2").tobytes(),
            latency_ms=score.latency_ms,
            created_at=self._now,
        )
        self._cases.add(prediction)
        cell.state, cell.lease_until = CellState.SCORED, None
        cell.problem_code = cell.problem_detail = None
        self._settle(who_site, cell.case_id)
        return prediction

    def without_prediction_by(self, case_id: UUID, model_sha256: str) -> tuple[Case, list[Cell], int]:
        """An open case of any site, for the operator; its cells that a model has not scored, and how many it has.

        Raises:
            NotFound: there is no such case. Conflict: it is signed, amended or retracted.
        """
        case = self._cases.case_of_any_site(case_id)
        if case is None:
            raise NotFound(f"There is no case {case_id}.")
        refuse_closed(case)
        cells = [
            cell
            for cell in self._cases.cells_of(case_id)
            if cell.state is not CellState.REFUSED and cell.voided_at is None
        ]
        waiting = [cell for cell in cells if self._cases.prediction(cell.id, model_sha256) is None]
        return case, waiting, len(cells) - len(waiting)

    def weigh_anew(self, case: Case, training_of: TrainingOf) -> int:
        """After a case got another acquisition profile: its newest predictions once more, where that changes what they say.

        Returns:
            How many were added.
        """
        added = 0
        for row in self._cases.latest_predictions([cell.id for cell in self.cells(case)]).values():
            label, reasons = held_back(
                row.model_label, row.reasons, _check_of(case, training_of(model_of(row)))
            )
            if (label, reasons) != (row.label, row.reasons):
                self._cases.repeat_prediction(row, label, reasons, self._now)
                added += 1
        return added

    def take_waiting(self) -> WaitingCell | None:
        """Lease a stored cell that nobody scores; each has one taker, and cases take turns.

        A cell that was begun too often and never ended is given up here, or it would be tried for ever.
        """
        while (waiting := self._cases.take_waiting(self._now, self._now + LEASE)) is not None:
            if waiting.cell.attempts <= ATTEMPTS_LIMIT:
                return waiting
            detail = f"Scoring was begun {ATTEMPTS_LIMIT} times and never ended."
            self.fail_cell(waiting.site_id, waiting.cell.id, "score_failed", detail)
        return None

    def fail_cell(self, who_site: UUID, cell_id: UUID, code: str, detail: str) -> None:
        """Log that a cell cannot be scored; it stays visible to the reviewer."""
        cell = self._cases.cell(who_site, cell_id)
        if cell is None or cell.state is not CellState.STORED:
            return
        locked_case(self._cases, who_site, cell.case_id, None)
        cell.state, cell.lease_until = CellState.FAILED, None
        cell.problem_code, cell.problem_detail = code, detail[:500]
        self._settle(who_site, cell.case_id)

    def _settle(self, site_id: UUID, case_id: UUID) -> None:
        case = self._cases.case_for_update(site_id, case_id)
        if case is not None and case.state is CaseState.OPEN and self._cases.waiting_in(case_id) == 0:
            case.state = CaseState.SCORED
            case.version += 1

    def blind_to(self, who: Identity, cases: list[Case]) -> set[UUID]:
        """Ids of those cases to which the asker is blind now."""
        return self._blinding.blind_to(who, cases)

    def show_unblinded(self, who: Identity, case_id: UUID) -> None:
        """Remember that the asker is about to be shown what the machine says of a cell of the case.

        Raises:
            NotFound: there is no such case here. NotAllowed: they read the case blind.
        """
        case = self.case(who, case_id)
        if who.user_id is not None and self._blinding.blind_to(who, [case]):
            raise NotAllowed("You read this case blind; cells that are added to it are scored behind.")
        self._blinding.note_sighting(who, case)

    def duplicates(self, who: Identity, cells: list[Cell]) -> dict[UUID, UUID]:
        """Of those cells whose file came to the site before: the cell it was first."""
        first = self._cases.first_with(who.site_id, {cell.image_sha256 for cell in cells})
        return {
            cell.id: first[cell.image_sha256]
            for cell in cells
            if cell.state is not CellState.REFUSED and first.get(cell.image_sha256, cell.id) != cell.id
        }

    def label_counts(self, who: Identity, cases: list[Case]) -> dict[UUID, dict[PredictionLabel, int]]:
        """How many cells of each case carry which label, by their newest predictions; nothing where the asker is blind."""
        hidden = self._blinding.blind_to(who, cases)
        counts = self._cases.label_counts([case.id for case in cases])
        return {case_id: {} if case_id in hidden else labels for case_id, labels in counts.items()}

    def state_counts(self, who: Identity, search: str = "") -> dict[CaseState, int]:
        """How many cases of the site match a search, by state."""
        return self._cases.state_counts(who.site_id, search)

    def shown_prediction(self, who: Identity, cell_id: UUID) -> Prediction | None:
        """The newest prediction of a cell; None before there is one, and while the asker is blind to it.

        Raises:
            NotFound: there is no such cell here.
        """
        cell = self.cell(who, cell_id)
        if self._blinding.blind_to(who, [self.case(who, cell.case_id)]):
            return None
        return self._cases.latest_predictions([cell.id]).get(cell.id)

    def latest_predictions(self, cells: list[Cell]) -> dict[UUID, Prediction]:
        """For services that show them to nobody who is blind; pages and answers ask `app.reviews.view`."""
        return self._cases.latest_predictions([cell.id for cell in cells])


def _check_of(case: Case, training: TrainingAcquisition | None) -> ProfileCheck:
    """A drawn cell has no specimen, so nothing is missing; its pages say that it is drawn."""
    if case.drawn:
        return ProfileCheck((), ())
    return check_profile(AcquisitionProfile.of(case.acquisition), training)


def check_accession(accession: str) -> None:
    """Raise BadRequest unless it is 1 to 64 letters, digits, `.`, `_`, `/` or `-`."""
    if not _ACCESSION.fullmatch(accession):
        raise BadRequest(
            "Expected an accession of 1 to 64 letters, digits, '.', '_', '/' or '-', no names or spaces.",
            field="accession",
        )


def model_of(prediction: Prediction) -> ModelRef:
    """The model that made a prediction."""
    return ModelRef(prediction.model_name, prediction.model_version, prediction.model_sha256)


def _scaled_to_one(heatmap: np.ndarray) -> np.ndarray:
    """Heatmaps are compared and shown by shape, and float16 overflows at 65504."""
    peak = float(heatmap.max())
    return heatmap / peak if peak > 0 else heatmap


def _write_cursor(case: Case) -> str:
    return base64.urlsafe_b64encode(f"{case.created_at.isoformat()} {case.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        created_at, case_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment, UUID(case_id)
    except (ValueError, binascii.Error) as broken:
        raise BadRequest("Expected the cursor that the page before gave as next_cursor.") from broken
