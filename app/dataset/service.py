"""Writes reviewed cells of one site as a data folder, and takes cells out of such folders again."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.accounts.tokens import digest_of
from app.audit.acts import Act
from app.audit.service import Actor, AuditService, at_site
from app.cases.repository import new_id
from app.cases.tables import Reuse
from app.database import Database
from app.dataset.folder import remove_cells, require_new, write_folder
from app.dataset.limits import CELLS_A_READER
from app.dataset.repository import DatasetRepository
from app.dataset.selection import (
    LabelledCell,
    LeftOut,
    Selection,
    labelled,
    refused_for,
    selected,
)
from app.dataset.tables import DatasetExport
from app.image_store import ImageStore
from app.reviews.repository import ReviewRepository
from app.reviews.standing import CellVerdicts

LOCAL: Final = frozenset({Reuse.LOCAL_TRAINING, Reuse.SHAREABLE})
SHARED: Final = frozenset({Reuse.SHAREABLE})


@dataclass(frozen=True)
class Exported:
    """What a folder holds. people: by the lab's own names. left_out: cells of the site, by reason."""

    export_id: UUID
    cells: int
    people: int
    left_out: Counter[LeftOut]
    index_sha256: str


@dataclass(frozen=True)
class Removed:
    """What left the folders. unreachable: folders that are no longer where they were written."""

    pictures: int
    unreachable: tuple[str, ...]


class DatasetService:
    """Opens its own units of work. A folder is known to the case log before its first picture is written.

    Args:
        secret: keys the names of people, so that nobody reads the lab's own names in a folder.
    """

    def __init__(
        self, database: Database, images: ImageStore, secret: bytes, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._images = images
        self._secret = secret
        self._now = now

    def export(
        self,
        who: Actor,
        site_id: UUID,
        folder: Path,
        *,
        shareable: bool = False,
        cells_a_reader: int = CELLS_A_READER,
    ) -> Exported:
        """Write what may be trained on into a new folder.

        Args:
            shareable: only what may leave the site.

        Raises:
            Conflict: something lies in the folder.
        """
        require_new(folder)
        with self._database.reading() as session:
            found = _select(session, site_id, SHARED if shareable else LOCAL, cells_a_reader)
        row = DatasetExport(
            id=new_id(),
            site_id=site_id,
            folder=str(folder.resolve()),
            shareable=shareable,
            cells=len(found.cells),
            index_sha256="",
            exported_by=who.name,
            created_at=self._now(),
        )
        with self._database.unit_of_work() as session:
            DatasetRepository(session).add(row)
        digest = write_folder(folder, found.cells, self._images, lambda ref: self._person(site_id, ref))
        with self._database.unit_of_work() as session:
            DatasetRepository(session).export(row.id).index_sha256 = digest
            AuditService(session, self._now()).record(
                at_site(who, site_id),
                Act.DATASET_EXPORTED,
                row.id,
                cells=row.cells,
                shareable=shareable,
                sha256=digest,
            )
        people = {cell.subject_ref for cell in found.cells}
        return Exported(row.id, row.cells, len(people), found.left_out, digest)

    def forget(self, export_id: UUID) -> None:
        """Note that a folder is gone, because its owner removed it."""
        with self._database.unit_of_work() as session:
            DatasetRepository(session).export(export_id).removed_at = self._now()

    def _person(self, site_id: UUID, subject_ref: str) -> str:
        """The same person has the same name in every folder of the site."""
        return f"P{digest_of(f'{site_id} {subject_ref}', self._secret)[:16]}"


def remove_from_exports(database: Database, images: Iterable[str]) -> Removed:
    """Take uploads, by their digest, out of every folder that was written and can be reached."""
    with database.reading() as session:
        folders = [Path(export.folder) for export in DatasetRepository(session).standing()]
    digests = frozenset(images)
    return Removed(
        sum(remove_cells(folder, digests) for folder in folders),
        tuple(str(folder) for folder in folders if not folder.is_dir()),
    )


def _select(session: Session, site_id: UUID, permitted: frozenset[Reuse], cells_a_reader: int) -> Selection:
    left_out: Counter[LeftOut] = Counter()
    usable = []
    for cell in DatasetRepository(session).cells(site_id):
        reason = refused_for(cell, permitted)
        if reason is None:
            usable.append(cell)
        else:
            left_out[reason] += 1
    reviews = ReviewRepository(session).of_cells([cell.cell_id for cell in usable])
    kept: list[LabelledCell] = []
    for cell in usable:
        found = labelled(cell, CellVerdicts.of(reviews[cell.cell_id]))
        if isinstance(found, LeftOut):
            left_out[found] += 1
        else:
            kept.append(found)
    chosen = selected(kept, cells_a_reader=cells_a_reader)
    return Selection(chosen.cells, left_out + chosen.left_out)
