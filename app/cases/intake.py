"""From an upload to a stored, scored cell: two units of work with the engine in between, none open while it computes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import anyio.to_thread

from app.accounts.permissions import Identity
from app.cases.acquisition import TrainingOf
from app.cases.service import CaseService, Origin
from app.cases.tables import Cell, Prediction
from app.database import Database
from app.errors import (
    DatabaseUnavailable,
    EngineUnavailable,
    FileRefused,
    LeukolensError,
    Overloaded,
    ScoreFailed,
    StorageFull,
)
from app.image_store import ImageStore
from app.inference.archive import ArchiveMember
from app.inference.decoder_pool import DecoderPool
from app.inference.scorer import ModelRef, Question, Score, Scorer
from app.inference.upload import Picture
from models.measurements import ImageArray


@dataclass(frozen=True)
class Upload:
    """One uploaded file. client_ref: the sender's own name for it, opaque."""

    data: bytes
    client_ref: str | None = None


@dataclass(frozen=True)
class Target:
    """The case an upload goes to: an open one, the one with this accession, or a new one."""

    case_id: UUID | None = None
    accession: str | None = None
    drawn: bool = False


@dataclass(frozen=True)
class TakenArchive:
    """What became of each file of a zip, by its name there; ignored: entries that cannot be pictures."""

    cells: list[tuple[str, Cell]]
    ignored: int


@dataclass(frozen=True)
class Intake:
    """Takes files in. Knows no HTTP; every method commits what it promises before it returns."""

    database: Database
    images: ImageStore
    decoder: DecoderPool
    scorer: Scorer
    active_model: Callable[[], ModelRef]
    training_of: TrainingOf
    now: Callable[[], datetime]
    deadline_s: float

    async def predict(
        self, who: Identity, upload: Upload, target: Target, request_id: UUID | None
    ) -> tuple[Cell, Prediction]:
        """Decode, store, score: the answer to `POST /predictions`.

        Raises:
            FileRefused: nothing was stored. Overloaded, EngineUnavailable, DatabaseUnavailable, StorageFull: once the cell is stored it will be
            scored behind; the text names it. ScoreFailed: it is stored and cannot be scored.
        """
        cell = (await self._stored_before(request_id)).get(0)
        if cell is None:
            picture = await self.decoder.read(upload.data)
            cell = await anyio.to_thread.run_sync(
                self._store, who, picture, upload.client_ref, target, Origin(request_id, 0)
            )
            pixels = picture.pixels
        else:
            assert cell.pixels_sha256 is not None
            pixels = await self._stored_pixels(cell.pixels_sha256)
        try:
            prediction = await self.score(who.site_id, cell, pixels, deadline_s=self.deadline_s)
        except (Overloaded, EngineUnavailable, DatabaseUnavailable, StorageFull) as away:
            raise type(away)(
                f"{away.title}. The cell is stored as {cell.id} in case {cell.case_id} and will be scored.",
                retry_after_s=away.retry_after_s,
            ) from away
        return cell, prediction

    async def add_cells(
        self, who: Identity, case_id: UUID, uploads: list[Upload], request_id: UUID | None
    ) -> list[Cell]:
        """Store many files; they are scored behind. A file of bad form becomes a cell in state `refused`."""
        known = await self._stored_before(request_id)
        cells: list[Cell] = []
        for part, upload in enumerate(uploads):
            cell = known.get(part)
            if cell is None:
                cell = await self._take_in(who, case_id, upload.data, Origin(request_id, part))
            cells.append(cell)
        return cells

    async def add_archive(
        self, who: Identity, case_id: UUID, data: bytes, request_id: UUID | None
    ) -> TakenArchive:
        """Store every picture of a zip; they are scored behind. Each bad one becomes a cell in state `refused`.

        Raises:
            FileRefused: it is no zip, or holds too many files; nothing was stored.
        """
        archive = await self.decoder.archive(data)
        known = await self._stored_before(request_id)
        taken: list[tuple[str, Cell]] = []
        for member in archive.members:
            cell = known.get(member.index)
            if cell is None:
                cell = await self._take_member(
                    who, case_id, member, member.cut(data), Origin(request_id, member.index)
                )
            taken.append((member.name, cell))
        return TakenArchive(taken, archive.ignored)

    async def score(self, site_id: UUID, cell: Cell, pixels: ImageArray, *, deadline_s: float) -> Prediction:
        """Score a stored cell with the active model and log the prediction."""
        model = await anyio.to_thread.run_sync(self.active_model)
        assert cell.measurements is not None
        question = Question(pixels, cell.measurements, model)
        try:
            score = await self.scorer.score(question, deadline_s=deadline_s)
        except ScoreFailed as failure:
            await anyio.to_thread.run_sync(self._log_failure, site_id, cell.id, failure)
            raise
        return await anyio.to_thread.run_sync(self._log_prediction, site_id, cell.id, score)

    async def score_stored(self, site_id: UUID, cell: Cell, *, deadline_s: float) -> Prediction:
        """Score a cell of the image store."""
        assert cell.pixels_sha256 is not None
        pixels = await self._stored_pixels(cell.pixels_sha256)
        return await self.score(site_id, cell, pixels, deadline_s=deadline_s)

    async def _take_in(self, who: Identity, case_id: UUID, data: bytes, origin: Origin) -> Cell:
        try:
            picture = await self.decoder.read(data)
        except FileRefused as refusal:
            return await self._refuse(who, case_id, data, refusal, origin)
        target = Target(case_id=case_id)
        return await anyio.to_thread.run_sync(self._store, who, picture, None, target, origin, False)

    async def _take_member(
        self, who: Identity, case_id: UUID, member: ArchiveMember, packed: bytes, origin: Origin
    ) -> Cell:
        try:
            data = await self.decoder.member(member, packed)
        except FileRefused as refusal:
            return await self._refuse(who, case_id, b"", refusal, origin)
        return await self._take_in(who, case_id, data, origin)

    async def _refuse(
        self, who: Identity, case_id: UUID, data: bytes, refusal: FileRefused, origin: Origin
    ) -> Cell:
        digest = sha256(data).hexdigest()
        return await anyio.to_thread.run_sync(self._log_refusal, who, case_id, digest, refusal, origin)

    async def _stored_before(self, request_id: UUID | None) -> dict[int, Cell]:
        if request_id is None:
            return {}

        def find() -> dict[int, Cell]:
            with self.database.reading() as session:
                return CaseService(session, self.now()).cells_of_request(request_id)

        return await anyio.to_thread.run_sync(find)

    async def _stored_pixels(self, pixels_sha256: str) -> ImageArray:
        png = await anyio.to_thread.run_sync(self.images.read, pixels_sha256)
        return await self.decoder.pixels(png)

    def _store(
        self,
        who: Identity,
        picture: Picture,
        client_ref: str | None,
        target: Target,
        origin: Origin,
        shown: bool = True,
    ) -> Cell:
        """shown: the sender waits for the prediction."""
        self.images.put(picture.pixels_sha256, picture.png)
        with self.database.unit_of_work() as session:
            cases = CaseService(session, self.now())
            case_id = target.case_id
            if case_id is None:
                case, _ = cases.open_case(
                    who, target.accession, request_id=origin.request_id, drawn=target.drawn
                )
                case_id = case.id
            if shown:
                cases.show_unblinded(who, case_id)
            return cases.add_cell(who, case_id, picture, client_ref, origin, leased=shown)

    def _log_refusal(
        self, who: Identity, case_id: UUID, image_sha256: str, refusal: LeukolensError, origin: Origin
    ) -> Cell:
        with self.database.unit_of_work() as session:
            return CaseService(session, self.now()).add_refused(who, case_id, image_sha256, refusal, origin)

    def _log_prediction(self, site_id: UUID, cell_id: UUID, score: Score) -> Prediction:
        training = self.training_of(score.model)
        with self.database.unit_of_work() as session:
            return CaseService(session, self.now()).add_prediction(site_id, cell_id, score, training)

    def _log_failure(self, site_id: UUID, cell_id: UUID, failure: LeukolensError) -> None:
        with self.database.unit_of_work() as session:
            CaseService(session, self.now()).fail_cell(site_id, cell_id, failure.code, failure.detail)
