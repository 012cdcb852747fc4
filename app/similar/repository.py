"""All SQL of similar cells: the signed-off cells of a site that one model embedded."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.tables import Case, CaseState, Cell, Prediction
from app.sign_off.tables import SignOff

STANDING = (CaseState.SIGNED, CaseState.AMENDED)


@dataclass(frozen=True)
class Embedded:
    """Cells and their embeddings, row by row: cell ids, (n, d) float32."""

    cells: tuple[UUID, ...]
    embeddings: npt.NDArray[np.float32]


class SimilarRepository:
    """Reads in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def stand(self, site_id: UUID) -> tuple[int, datetime | None]:
        """Changes whenever a case of the site is signed, opened again or retracted; closed cases change in no other way."""
        query = sa.select(sa.func.count(), sa.func.max(SignOff.created_at)).join(
            Case, Case.id == SignOff.case_id
        )
        count, newest = self._session.execute(query.where(Case.site_id == site_id)).one()
        return count, newest

    def signed_off(self, site_id: UUID, model_sha256: str, width: int) -> Embedded:
        """Voided cells, drawn and retracted cases left out. width: of an embedding; a cell that was not assessable has none."""
        rows = self._session.execute(
            sa.select(Cell.id, Prediction.embedding)
            .join(Case, Case.id == Cell.case_id)
            .join(Prediction, Prediction.cell_id == Cell.id)
            .where(
                Case.site_id == site_id,
                Case.state.in_(STANDING),
                Case.drawn.is_(False),
                Cell.voided_at.is_(None),
                Prediction.model_sha256 == model_sha256,
                Prediction.number == 1,  # a later one is the same answer under another acquisition profile
                Prediction.p_malignant.is_not(None),
            )
            .order_by(Cell.id)
        ).all()
        embeddings = np.frombuffer(b"".join(embedding for _, embedding in rows), "<f4")
        return Embedded(tuple(cell_id for cell_id, _ in rows), embeddings.reshape(len(rows), width))

    def cells(self, site_id: UUID, cell_ids: list[UUID]) -> dict[UUID, tuple[Cell, Case]]:
        """Those that still stand."""
        rows = self._session.execute(
            sa.select(Cell, Case)
            .join(Case, Case.id == Cell.case_id)
            .where(
                Cell.id.in_(cell_ids),
                Case.site_id == site_id,
                Case.state.in_(STANDING),
                Cell.voided_at.is_(None),
            )
        )
        return {cell.id: (cell, case) for cell, case in rows}
