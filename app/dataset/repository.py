"""All SQL of exported data folders."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.tables import Case, Cell, Reuse, ReusePermission
from app.dataset.selection import StoredCell
from app.dataset.tables import DatasetExport


class DatasetRepository:
    """Reads and writes in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def cells(self, site_id: UUID) -> list[StoredCell]:
        """Every cell of a site."""
        rows = self._session.execute(
            sa.select(Cell, Case, self._newest_reuse())
            .join(Case, Case.id == Cell.case_id)
            .where(Case.site_id == site_id)
        )
        return [
            StoredCell(
                cell_id=cell.id,
                image_sha256=cell.image_sha256,
                pixels_sha256=cell.pixels_sha256,
                voided=cell.voided_at is not None,
                drawn=case.drawn,
                case_state=case.state,
                subject_ref=case.subject_ref,
                reuse=reuse or Reuse.NONE,
                read_blind=case.second_read and case.readings_closed_at is not None,
            )
            for cell, case, reuse in rows
        ]

    def add(self, export: DatasetExport) -> None:
        self._session.add(export)
        self._session.flush()

    def export(self, export_id: UUID) -> DatasetExport:
        return self._session.get_one(DatasetExport, export_id)

    def standing(self) -> list[DatasetExport]:
        """Folders of every site that are not known to be gone, oldest first."""
        rows = sa.select(DatasetExport).where(DatasetExport.removed_at.is_(None))
        return list(self._session.scalars(rows.order_by(DatasetExport.created_at)))

    def _newest_reuse(self) -> "sa.ScalarSelect[Reuse]":
        return (
            sa.select(ReusePermission.reuse)
            .where(ReusePermission.case_id == Case.id)
            .order_by(ReusePermission.number.desc())
            .limit(1)
            .scalar_subquery()
        )
