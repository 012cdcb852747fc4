"""Erases cases. The audit trail keeps its lines: they name ids and counts, so it stays whole and verifiable."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from app.audit.acts import Act
from app.audit.service import Actor, AuditService
from app.cases.repository import CaseRepository
from app.cases.tables import Case
from app.database import Database
from app.dataset.service import Removed, remove_from_exports
from app.erasure.erasure_list import Erased, ErasureList
from app.erasure.repository import ErasureRepository
from app.image_store import ImageStore


class Cause(StrEnum):
    """Why a case was erased."""

    SUBJECT = "subject"
    RETENTION = "retention"
    REPLAY = "replay"


@dataclass(frozen=True)
class Erasure:
    """What an erasure took. images: SHA-256 of the files as they had been uploaded. exported: what left data folders."""

    cases: int
    cells: int
    pictures: int
    images: frozenset[str]
    exported: Removed


class ErasureService:
    """Each case is a unit of work of its own, so that an erasure of thousands holds up nobody.

    In this order: the case is listed as erased, its cells leave the data folders that were written, its rows go, its
    pictures go. A crash in between leaves a case that the next run erases, or pictures without a row, which the sweep
    takes.
    """

    def __init__(
        self, database: Database, images: ImageStore, erased: ErasureList, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._images = images
        self._erased = erased
        self._now = now

    def of_subject(self, subject_ref: str) -> list[Case]:
        """The cases that a person's erasure is about."""
        with self._database.reading() as session:
            return ErasureRepository(session).of_subject(subject_ref)

    def older_than(self, age: timedelta) -> list[Case]:
        """The cases that retention is about."""
        with self._database.reading() as session:
            return ErasureRepository(session).opened_before(self._now() - age)

    def erase(self, who: Actor, cases: Sequence[Case], cause: Cause) -> Erasure:
        """Erase cases with cells, pictures, predictions, embeddings, verdicts, signatures, messages and exports."""
        exported = remove_from_exports(self._database, self._images_of(cases))
        cells, pictures, images = 0, 0, frozenset[str]()
        for case in cases:
            if cause is not Cause.REPLAY:
                self._erased.append([Erased(case.id, self._now())])
            with self._database.unit_of_work() as session:
                repository = ErasureRepository(session)
                files, stored = repository.digests(case.id)
                gone = repository.delete(case.id)
                AuditService(session, self._now()).record(
                    who, Act.CASE_ERASED, case.id, cells=gone, cause=cause.value
                )
            cells, images = cells + gone, images | files
            pictures += self._discard(stored)
        return Erasure(len(cases), cells, pictures, images, exported)

    def replay(self, who: Actor) -> Erasure:
        """Erase again what had been erased before a backup was put back."""
        listed = {entry.case_id for entry in self._erased.read()}
        with self._database.reading() as session:
            back = ErasureRepository(session).by_id(sorted(listed))
        return self.erase(who, back, Cause.REPLAY)

    def _images_of(self, cases: Sequence[Case]) -> set[str]:
        with self._database.reading() as session:
            repository = ErasureRepository(session)
            return {digest for case in cases for digest in repository.digests(case.id)[0]}

    def _discard(self, pictures: set[str]) -> int:
        with self._database.reading() as session:
            unused = pictures - CaseRepository(session).pictures_in_use(sorted(pictures))
        return sum(self._images.discard(digest, self._now()) for digest in unused)


def bundles_that_name(images: frozenset[str], stores: Sequence[Path]) -> list[str]:
    """Bundles, as `name/version`, whose files list one of these uploads among the cells they were made from."""
    return sorted(
        f"{manifest.parent.parent.name}/{manifest.parent.name}"
        for store in stores
        for manifest in store.glob("*/*/manifest.json")
        if any(_names(path, images) for path in manifest.parent.rglob("*.json"))
    )


def _names(path: Path, images: frozenset[str]) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(digest in text for digest in images)
