"""Makes a backup while the server works, and puts one into an empty place."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from app import schema
from app.audit.acts import Act
from app.audit.repository import AuditRepository
from app.audit.service import COMMAND_LINE, AuditService
from app.backups.folder import (
    CASE_LOG,
    ERASURES,
    IMAGES,
    MODELS,
    BackupNote,
    BackupRefused,
    check,
    copy_file,
    new_folder,
    seal,
)
from app.backups.rows import close_sqlite, copy_rows, snapshot
from app.cases.repository import CaseRepository
from app.database import Database, opened
from app.erasure.erasure_list import ErasureList
from app.erasure.service import Erasure, ErasureService
from app.image_store import ImageStore, picture_path
from app.settings import Settings


def back_up(settings: Settings, folder: Path, now: datetime) -> BackupNote:
    """Write a backup into a new folder.

    The case log comes first, as of one moment: every picture it names is on the disk by then and stays there.

    Raises:
        BackupRefused: the folder is not empty, the case log needs an upgrade first, or a picture is missing.
    """
    new_folder(folder)
    with opened(settings.database) as engine:
        if not schema.is_current(engine):
            raise BackupRefused(
                "The case log is not at the newest revision. Run `leukolens db upgrade` first."
            )
        snapshot(engine, folder / CASE_LOG)
    note, pictures = _contents(folder, now)
    for digest in pictures:
        _copy_picture(settings.image_dir, folder / IMAGES, digest)
    _copy_models(settings.model_dir, folder / MODELS)
    if settings.erasure_list.exists():
        copy_file(settings.erasure_list, folder / ERASURES)
    seal(folder, note)
    return note


def restore(
    settings: Settings, folder: Path, now: Callable[[], datetime], erasures: Path | None = None
) -> tuple[BackupNote, Erasure]:
    """Put a backup into an empty data folder and an empty database, SQLite or PostgreSQL.

    Every byte is read and checked before the first one is written, and checked again as it is copied. The case
    log comes last. What was erased since the backup was made is erased again.

    Args:
        erasures: the list of erased cases of the place that was lost; the backup's own is older.

    Raises:
        BackupRefused: the backup is damaged, or the place is not empty.
    """
    _require_empty(settings)
    note, listed = check(folder)
    _copy_back(folder / IMAGES, settings.image_dir, _below(listed, IMAGES))
    _copy_back(folder / MODELS, settings.model_dir, _below(listed, MODELS))
    erased = ErasureList(settings.erasure_list)
    for known in (folder / ERASURES, erasures):
        if known is not None:
            erased.append(ErasureList(known).read())
    _restore_rows(folder / CASE_LOG, settings.database)
    with opened(settings.database) as engine:
        database = Database(engine)
        with database.unit_of_work() as session:
            made = note.created_at.isoformat(timespec="seconds")
            AuditService(session, now()).record(
                COMMAND_LINE, Act.DATA_RESTORED, backup_of=made, cases=note.cases
            )
        erasure = ErasureService(database, ImageStore(settings.image_dir), erased, now)
        return note, erasure.replay(COMMAND_LINE)


def _contents(folder: Path, now: datetime) -> tuple[BackupNote, list[str]]:
    """What the copied case log holds, and the digests of its pictures."""
    case_log = folder / CASE_LOG
    with opened(f"sqlite:///{case_log.absolute()}") as engine, Database(engine).reading() as session:
        repository = CaseRepository(session)
        pictures, (cases, cells) = repository.pictures(), repository.size()
        newest = AuditRepository(session).newest()
    close_sqlite(case_log)
    note = BackupNote(
        created_at=now,
        cases=cases,
        cells=cells,
        pictures=len(pictures),
        audit_lines=newest.number if newest else 0,
    )
    return note, pictures


def _copy_picture(images: Path, copies: Path, digest: str) -> None:
    try:
        copy_file(picture_path(images, digest), picture_path(copies, digest))
    except FileNotFoundError as missing:
        raise BackupRefused(
            f"The case log names the picture {digest}, which is not in {images}. If its case was erased "
            "while this backup was made, make another one."
        ) from missing


def _copy_models(store: Path, copies: Path) -> None:
    for manifest in sorted(store.glob("[!.]*/[!.]*/manifest.json")):
        shutil.copytree(manifest.parent, copies / manifest.parent.relative_to(store))


def _require_empty(settings: Settings) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if any(settings.image_dir.rglob("*.png")):
        raise BackupRefused(
            f"Expected no pictures in {settings.image_dir}; a backup goes into an empty place."
        )
    with opened(settings.database) as engine:
        if sa.inspect(engine).get_table_names():
            raise BackupRefused("Expected an empty database; a backup goes into an empty place.")


def _below(listed: Mapping[str, str], top: str) -> dict[str, str]:
    start = f"{top}/"
    return {name.removeprefix(start): digest for name, digest in listed.items() if name.startswith(start)}


def _copy_back(source: Path, target: Path, files: Mapping[str, str]) -> None:
    for name, digest in files.items():
        if copy_file(source / name, target / name) != digest:
            raise BackupRefused(f"{source / name} changed while it was copied.")


def _restore_rows(case_log: Path, url: str) -> None:
    """The rows of a backup, brought to the newest revision, into the database at `url`."""
    with tempfile.TemporaryDirectory(prefix="leukolens-restore-") as scratch:
        copied = Path(scratch) / CASE_LOG
        copy_file(case_log, copied)
        with opened(f"sqlite:///{copied}") as source, opened(url) as target:
            schema.upgrade(source)
            schema.upgrade(target)
            with source.connect() as rows, target.begin() as connection:
                copy_rows(rows, connection)
