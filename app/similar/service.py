"""The cells most like one cell: of the model's reference set, and of the site's own signed-off cases.

Exact search over an index in memory, one a site and model. It is read again whenever a case of the site was signed,
opened again or retracted since.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import numpy as np
from sqlalchemy.orm import Session

from app.accounts.permissions import Identity
from app.cases.blinding import Blinding
from app.cases.service import model_of
from app.cases.tables import Case, Cell
from app.database import Database
from app.inference.scorer import ModelRef
from app.registry.service import RegistryService
from app.reviews.repository import ReviewRepository
from app.reviews.standing import CellVerdicts
from app.reviews.tables import Verdict
from app.reviews.view import CaseViewer
from app.similar.repository import SimilarRepository
from models.labels import Label
from models.neighbours import Floats, NeighbourSearch
from models.reference import ReferenceSet

SHOWN = 8
LOOKED_AT = 4 * SHOWN
"""More than are shown: some may belong to cases the asker is blind to, or the cell's own case."""

INDEXES = 4
"""Kept in memory; one of 100,000 cells takes 205 MB."""


@dataclass(frozen=True)
class SiteCell:
    """A signed-off cell of the asker's site. verdict: what a person said of it, None where nobody did."""

    cell: Cell
    case: Case
    verdict: Verdict | None
    distance: float


@dataclass(frozen=True)
class ReferenceCell:
    """A cell the model learned from. label: its expert's; person: digest of its leak group."""

    label: Label
    person: str
    distance: float


@dataclass(frozen=True)
class SimilarCells:
    """Nearest first. A distance is the root mean square, in deviations of the training cells' embeddings."""

    model: ModelRef
    site: tuple[SiteCell, ...]
    reference: tuple[ReferenceCell, ...]


@dataclass(frozen=True)
class _Index:
    stand: tuple[int, datetime | None]
    cells: tuple[UUID, ...]
    search: NeighbourSearch


class SimilarService:
    """Holds the indexes of a process. stores: folders of bundles."""

    def __init__(self, database: Database, stores: Sequence[Path], now: Callable[[], datetime]) -> None:
        self._database = database
        self._stores = stores
        self._now = now
        self._indexes: OrderedDict[tuple[UUID, str], _Index] = OrderedDict()
        self._building = threading.Lock()

    def similar(self, who: Identity, cell_id: UUID) -> SimilarCells | None:
        """What lies nearest to a cell; None where no model could embed it, or the asker is
        blind to it: this is a part of a page, and who was not shown the page is not shown a part.

        Raises:
            NotFound: there is no such cell here.
        """
        with self._database.reading() as session:
            view = CaseViewer(session, self._now()).look_at_cell(who, cell_id)
            asked = next((row for row in view.predictions if row.p_malignant is not None), None)
            if view.blind or asked is None:
                return None
            model, embedding = model_of(asked), np.frombuffer(asked.embedding, "<f4")
            reference = RegistryService(session, self._stores, self._now()).reference(model)
            index = self._index(session, who.site_id, model, reference, len(embedding))
            return SimilarCells(
                model,
                self._site_cells(session, who, view.case, index, embedding),
                _reference_cells(reference, embedding),
            )

    def _site_cells(
        self, session: Session, who: Identity, own: Case, index: _Index, embedding: Floats
    ) -> tuple[SiteCell, ...]:
        """Cells of the same case say nothing new."""
        nearest = index.search.nearest(embedding, LOOKED_AT)
        distances = {
            index.cells[row]: float(distance)
            for row, distance in zip(nearest.rows, nearest.distances, strict=True)
        }
        found = SimilarRepository(session).cells(who.site_id, list(distances))
        hidden = Blinding(session, self._now()).blind_to(who, [case for _, case in found.values()])
        shown = [
            cell_id
            for cell_id in distances
            if cell_id in found and found[cell_id][1].id not in hidden | {own.id}
        ][:SHOWN]
        rows = ReviewRepository(session).of_cells(shown)
        verdicts = {cell_id: CellVerdicts.of(rows[cell_id]).final for cell_id in shown}
        return tuple(
            SiteCell(*found[cell_id], review.verdict if review else None, distances[cell_id])
            for cell_id, review in verdicts.items()
        )

    def _index(
        self, session: Session, site_id: UUID, model: ModelRef, reference: ReferenceSet, width: int
    ) -> _Index:
        key, repository = (site_id, model.sha256), SimilarRepository(session)
        with self._building:
            stand, known = repository.stand(site_id), self._indexes.get(key)
            if known is None or known.stand != stand:
                embedded = repository.signed_off(site_id, model.sha256, width)
                scale = reference.scale if len(reference) else np.ones(width, np.float32)
                known = _Index(stand, embedded.cells, NeighbourSearch(embedded.embeddings, scale))
                self._indexes[key] = known
            self._indexes.move_to_end(key)
            while len(self._indexes) > INDEXES:
                self._indexes.popitem(last=False)
            return known


def _reference_cells(reference: ReferenceSet, embedding: Floats) -> tuple[ReferenceCell, ...]:
    if not len(reference):
        return ()
    nearest = reference.search.nearest(embedding, SHOWN)
    return tuple(
        ReferenceCell(
            reference.label(int(row)), reference.group_digests[reference.group[row]], float(distance)
        )
        for row, distance in zip(nearest.rows, nearest.distances, strict=True)
    )
