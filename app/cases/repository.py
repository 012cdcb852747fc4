"""All SQL about cases, cells and predictions. Every look-up is by site: another site's rows do not exist."""

import secrets
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.cases.tables import (
    Case,
    CaseState,
    Cell,
    CellState,
    Prediction,
    ReusePermission,
    Sighting,
    SiteAcquisition,
)
from models.classifier import PredictionLabel

TAKERS_AT_ONCE = 16
"""How many waiting cells one taker looks at, when others are taking the first ones in the same moment."""


@dataclass(frozen=True)
class CaseCounts:
    """How many cells of a case are in which state. A voided one counts as that and nothing else."""

    cells: int = 0
    stored: int = 0
    scored: int = 0
    failed: int = 0
    refused: int = 0
    voided: int = 0


@dataclass(frozen=True)
class WaitingCell:
    """A stored cell that nobody is scoring, taken with a lease."""

    cell: Cell
    site_id: UUID


class CaseRepository:
    """Reads and writes the case log in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Case | Cell | Prediction | ReusePermission | SiteAcquisition) -> None:
        self._session.add(row)
        self._session.flush()

    # --- cases ---

    def case(self, site_id: UUID, case_id: UUID) -> Case | None:
        return self._session.scalar(sa.select(Case).where(Case.id == case_id, Case.site_id == site_id))

    def case_of_any_site(self, case_id: UUID) -> Case | None:
        """For the operator's commands only."""
        return self._session.get(Case, case_id)

    def case_for_update(self, site_id: UUID, case_id: UUID) -> Case | None:
        """The case, locked until the transaction ends (SQLite's writers are serial anyway)."""
        return self._session.scalar(
            sa.select(Case)
            .where(Case.id == case_id, Case.site_id == site_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def case_by_accession(self, site_id: UUID, accession: str) -> Case | None:
        return self._session.scalar(
            sa.select(Case).where(Case.site_id == site_id, Case.accession == accession)
        )

    def case_by_request(self, request_id: UUID) -> Case | None:
        return self._session.scalar(sa.select(Case).where(Case.request_id == request_id))

    def reuse_history(self, case_id: UUID) -> list[ReusePermission]:
        """Oldest first."""
        rows = sa.select(ReusePermission).where(ReusePermission.case_id == case_id)
        return list(self._session.scalars(rows.order_by(ReusePermission.number)))

    def site_acquisition(self, site_id: UUID) -> SiteAcquisition | None:
        """The newest."""
        rows = sa.select(SiteAcquisition).where(SiteAcquisition.site_id == site_id)
        return self._session.scalar(rows.order_by(SiteAcquisition.number.desc()).limit(1))

    def seen_by(self, person_id: UUID, case_ids: list[UUID]) -> set[UUID]:
        """Which of these cases the person has been shown unblinded."""
        rows = sa.select(Sighting.case_id).where(
            Sighting.person_id == person_id, Sighting.case_id.in_(case_ids)
        )
        return set(self._session.scalars(rows))

    def add_sighting(self, case_id: UUID, person_id: UUID, now: datetime) -> None:
        """Once; a second one, also at the same moment, changes nothing."""
        insert = postgresql.insert if self._session.get_bind().dialect.name == "postgresql" else sqlite.insert
        values = {"case_id": case_id, "person_id": person_id, "created_at": now}
        self._session.execute(insert(Sighting).values(**values).on_conflict_do_nothing())

    def cases(
        self,
        site_id: UUID,
        *,
        search: str,
        state: CaseState | None,
        before: tuple[datetime, UUID] | None,
        limit: int,
    ) -> list[Case]:
        """Newest first; `before` is the last row of the page before."""
        query = sa.select(Case).where(*_matching(site_id, search))
        if state is not None:
            query = query.where(Case.state == state)
        if before is not None:
            query = query.where(sa.tuple_(Case.created_at, Case.id) < sa.tuple_(*_bound(before)))
        query = query.order_by(Case.created_at.desc(), Case.id.desc()).limit(limit)
        return list(self._session.scalars(query))

    def counts(self, case_ids: list[UUID]) -> dict[UUID, CaseCounts]:
        """Cells by state, for each case asked for."""
        voided = Cell.voided_at.is_not(None)
        rows = self._session.execute(
            sa.select(Cell.case_id, Cell.state, voided, sa.func.count())
            .where(Cell.case_id.in_(case_ids))
            .group_by(Cell.case_id, Cell.state, voided)
        )
        found: dict[UUID, Counter[str]] = {case_id: Counter() for case_id in case_ids}
        for case_id, state, is_voided, count in rows:
            found[case_id]["voided" if is_voided else state.value] += count
        return {
            case_id: CaseCounts(cells=by_state.total() - by_state["voided"], **by_state)
            for case_id, by_state in found.items()
        }

    def state_counts(self, site_id: UUID, search: str) -> dict[CaseState, int]:
        rows = self._session.execute(
            sa.select(Case.state, sa.func.count()).where(*_matching(site_id, search)).group_by(Case.state)
        )
        return {state: count for state, count in rows}

    def label_counts(self, case_ids: list[UUID]) -> dict[UUID, dict[PredictionLabel, int]]:
        """Cells by the label of their newest prediction, for each case asked for."""
        newest = (
            sa.select(Prediction.label)
            .where(Prediction.cell_id == Cell.id)
            .order_by(Prediction.created_at.desc(), Prediction.number.desc())
            .limit(1)
            .scalar_subquery()
        )
        labelled = (
            sa.select(Cell.case_id, newest.label("label"))
            .where(Cell.case_id.in_(case_ids), Cell.voided_at.is_(None))
            .subquery()
        )
        rows = self._session.execute(
            sa.select(labelled.c.case_id, labelled.c.label, sa.func.count()).group_by(
                labelled.c.case_id, labelled.c.label
            )
        )
        found: dict[UUID, dict[PredictionLabel, int]] = {case_id: {} for case_id in case_ids}
        for case_id, label, count in rows:
            if label is not None:  # cells without a prediction
                found[case_id][label] = count
        return found

    # --- cells ---

    def next_position(self, case_id: UUID) -> int:
        highest = self._session.scalar(sa.select(sa.func.max(Cell.position)).where(Cell.case_id == case_id))
        return (highest or 0) + 1

    def cells_of(self, case_id: UUID) -> list[Cell]:
        return list(
            self._session.scalars(sa.select(Cell).where(Cell.case_id == case_id).order_by(Cell.position))
        )

    def cell(self, site_id: UUID, cell_id: UUID) -> Cell | None:
        return self._session.scalar(
            sa.select(Cell)
            .join(Case, Case.id == Cell.case_id)
            .where(Cell.id == cell_id, Case.site_id == site_id)
        )

    def first_with(self, site_id: UUID, image_digests: set[str]) -> dict[str, UUID]:
        """The first stored, not voided cell of the site with each of these files: digest -> cell."""
        rows = self._session.execute(
            sa.select(Cell.image_sha256, Cell.id)
            .join(Case, Case.id == Cell.case_id)
            .where(
                Cell.image_sha256.in_(image_digests),
                Case.site_id == site_id,
                Cell.state != CellState.REFUSED,
                Cell.voided_at.is_(None),
            )
            .order_by(Cell.created_at.desc(), Cell.position.desc())
        )
        return {digest: cell_id for digest, cell_id in rows}

    def refresh(self, cell: Cell) -> None:
        """Read a cell again after its case was locked: who held the lock may have changed it."""
        self._session.refresh(cell)

    def cells_by_request(self, request_id: UUID) -> dict[int, Cell]:
        """What an earlier try of the same request stored: part -> cell."""
        rows = self._session.scalars(sa.select(Cell).where(Cell.request_id == request_id))
        return {cell.request_part: cell for cell in rows if cell.request_part is not None}

    def neighbours(self, cell: Cell) -> tuple[UUID | None, UUID | None]:
        """The cells before and after in upload order."""
        of_case = sa.select(Cell.id).where(Cell.case_id == cell.case_id)
        before = of_case.where(Cell.position < cell.position).order_by(Cell.position.desc()).limit(1)
        after = of_case.where(Cell.position > cell.position).order_by(Cell.position).limit(1)
        return self._session.scalar(before), self._session.scalar(after)

    def take_waiting(self, now: datetime, lease_until: datetime) -> WaitingCell | None:
        """Lease a stored cell that nobody holds; it is handed to one taker only.

        Cases take turns: the one with the fewest cells being scored comes first, then the older one.
        """
        stored = sa.and_(Cell.state == CellState.STORED, Cell.voided_at.is_(None))
        free = sa.and_(stored, sa.or_(Cell.lease_until.is_(None), Cell.lease_until < now))
        busy = (
            sa.select(Cell.case_id, sa.func.count().label("cells"))
            .where(stored, Cell.lease_until >= now)
            .group_by(Cell.case_id)
            .subquery()
        )
        next_ids = (
            sa.select(Cell.id)
            .outerjoin(busy, busy.c.case_id == Cell.case_id)
            .where(free)
            .order_by(sa.func.coalesce(busy.c.cells, 0), Cell.created_at, Cell.position)
            .limit(TAKERS_AT_ONCE)
        )
        for cell_id in self._session.scalars(next_ids).all():
            row = self._session.execute(
                sa.select(Cell, Case.site_id)
                .join(Case, Case.id == Cell.case_id)
                .where(Cell.id == cell_id, free)
                .with_for_update(skip_locked=True, of=Cell)
            ).first()
            if row is not None:
                row[0].lease_until = lease_until
                row[0].attempts += 1
                return WaitingCell(row[0], row[1])
        return None

    def pictures_in_use(self, pixels_sha256: list[str]) -> set[str]:
        """Which of these pictures a cell refers to."""
        rows = self._session.scalars(
            sa.select(Cell.pixels_sha256).where(Cell.pixels_sha256.in_(pixels_sha256))
        )
        return {digest for digest in rows if digest is not None}

    def pictures(self) -> list[str]:
        """Digests of the pictures of all cells, each once."""
        digest = Cell.pixels_sha256
        rows = self._session.scalars(sa.select(digest).where(digest.is_not(None)).distinct())
        return [found for found in rows if found is not None]

    def size(self) -> tuple[int, int]:
        """How many cases and cells there are."""
        counts = (
            self._session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in (Case, Cell)
        )
        cases, cells = counts
        return cases, cells

    def waiting_in(self, case_id: UUID) -> int:
        return (
            self._session.scalar(
                sa.select(sa.func.count()).where(
                    Cell.case_id == case_id, Cell.state == CellState.STORED, Cell.voided_at.is_(None)
                )
            )
            or 0
        )

    # --- predictions ---

    def prediction(self, cell_id: UUID, model_sha256: str) -> Prediction | None:
        """The newest of one model."""
        return self._session.scalar(
            sa.select(Prediction)
            .where(Prediction.cell_id == cell_id, Prediction.model_sha256 == model_sha256)
            .order_by(Prediction.number.desc())
            .limit(1)
        )

    def predictions(self, cell_id: UUID) -> list[Prediction]:
        """Of every model, newest first."""
        rows = sa.select(Prediction).where(Prediction.cell_id == cell_id)
        return list(
            self._session.scalars(rows.order_by(Prediction.created_at.desc(), Prediction.number.desc()))
        )

    def repeat_prediction(
        self, row: Prediction, label: PredictionLabel, reasons: list[str], now: datetime
    ) -> None:
        """The same numbers under another label; map and embedding are copied inside the database."""
        changed = {
            "id": new_id(),
            "number": row.number + 1,
            "label": label,
            "reasons": reasons,
            "created_at": now,
        }
        columns = Prediction.__table__.columns
        values = [
            sa.literal(changed[column.name], column.type) if column.name in changed else column
            for column in columns
        ]
        copy = sa.select(*values).where(Prediction.id == row.id)
        self._session.execute(sa.insert(Prediction).from_select([column.name for column in columns], copy))

    def latest_predictions(self, cell_ids: list[UUID]) -> dict[UUID, Prediction]:
        """The newest prediction of each cell."""
        rows = self._session.scalars(
            sa.select(Prediction)
            .where(Prediction.cell_id.in_(cell_ids))
            .order_by(Prediction.created_at, Prediction.number)
        )
        return {prediction.cell_id: prediction for prediction in rows}


def _matching(site_id: UUID, search: str) -> list[sa.ColumnElement[bool]]:
    """Cases of the site whose accession starts like this, in either case.

    A range of lower-case texts instead of LIKE, because an index finds it in both databases. Accessions are
    ASCII, so everything that starts with a text lies between it and the text with DEL behind it.
    """
    here = Case.site_id == site_id
    if not search:
        return [here]
    if not (search.isascii() and search.isprintable()):
        return [sa.false()]
    key, start = sa.func.lower(Case.accession), search.lower()
    return [here, key >= start, key < f"{start}\x7f"]


def _bound(before: tuple[datetime, UUID]) -> tuple[sa.BindParameter[datetime], sa.BindParameter[UUID]]:
    created_at, case_id = before
    return (
        sa.bindparam(None, created_at, type_=Case.created_at.type),
        sa.bindparam(None, case_id, type_=sa.Uuid()),
    )


def new_id() -> UUID:
    """An id that nobody guesses and that lies beside those made at the same time (RFC 9562, version 7).

    With random ids every cell of a case lies on another page of every index: counting a page of the case list
    took twice as long at 300,000 cells as at 10,000. Rows are ordered by time and position, never by id.
    """
    milliseconds = time.time_ns() // 1_000_000
    return UUID(
        int=milliseconds << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    )
