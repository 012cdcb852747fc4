"""What is erased is gone from every table, file and page of the database file; the audit trail stays whole."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from app.accounts.permissions import Scope
from app.audit.service import COMMAND_LINE
from app.audit.trail import TrailService
from app.backups.service import back_up, restore
from app.cases.tables import Case
from app.clock import utc_now
from app.database import Base, Database, opened
from app.erasure.erasure_list import ErasureList
from app.erasure.service import Cause, ErasureService, bundles_that_name
from app.settings import Settings
from tests.app.conftest import RunningApp, png_of
from tests.bundles import NAME

SUBJECT = "SUBJECT-ERIKA-1970"


def erasure_of(app: RunningApp) -> ErasureService:
    services = app.services
    return ErasureService(
        services.database, services.images, ErasureList(app.settings.erasure_list), services.now
    )


def upload(app: RunningApp, seed: int, subject: str | None = None) -> dict[str, str]:
    """A cell in a new case, of a person where one is named."""
    answer = app.client.post(
        "/api/v1/predictions",
        headers=app.key(Scope.CASES_WRITE) | {"Idempotency-Key": f"erasure-{subject}-{seed}"},
        files={"image": ("cell.png", png_of(seed))},
    )
    assert answer.status_code == 201, answer.text
    made: dict[str, str] = answer.json()
    with app.services.database.unit_of_work() as session:
        case = session.get(Case, UUID(made["case_id"]))
        assert case is not None
        case.subject_ref = subject
    return made


def mentions(app: RunningApp, word: str) -> set[str]:
    """Tables in which a value holds a word."""
    found = set()
    with app.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for row in connection.execute(sa.select(table)).mappings():
                if any(word in str(value) or word.encode() in _bytes(value) for value in row.values()):
                    found.add(table.name)
    return found


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def test_a_persons_cases_go_and_nobody_elses(app: RunningApp) -> None:
    hers, others = [upload(app, seed, SUBJECT) for seed in (501, 502)], upload(app, 503)
    shared = upload(app, 502)  # the same picture in another case
    erasure = erasure_of(app)
    cases = erasure.of_subject(SUBJECT)
    assert {str(case.id) for case in cases} == {made["case_id"] for made in hers}
    gone = erasure.erase(COMMAND_LINE, cases, Cause.SUBJECT)
    assert (gone.cases, gone.cells, gone.pictures) == (2, 2, 1)
    assert mentions(app, SUBJECT) == set()
    for made in hers:
        # Ids say nothing of anybody, and the trail would break without its lines.
        assert mentions(app, made["cell_id"]) | mentions(app, made["case_id"]) == {"audit_events"}
    headers = app.key(Scope.CASES_READ)
    for kept in (others, shared):
        assert (
            app.client.get(f"/api/v1/cells/{kept['cell_id']}/image.png", headers=headers).status_code == 200
        )
    with app.services.database.reading() as session:
        assert TrailService(session, None).verify([]) is None
    assert erasure.of_subject(SUBJECT) == []


def test_sqlite_overwrites_what_is_erased(own_app: RunningApp) -> None:
    upload(own_app, 1, SUBJECT)
    erasure = erasure_of(own_app)
    erasure.erase(COMMAND_LINE, erasure.of_subject(SUBJECT), Cause.SUBJECT)
    with own_app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
    files = [path for path in own_app.settings.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in files if SUBJECT.encode() in path.read_bytes()]
    assert own_app.stored_files() == set()


def test_retention_takes_old_cases_only(own_app: RunningApp) -> None:
    old, new = upload(own_app, 1), upload(own_app, 2)
    with own_app.services.database.unit_of_work() as session:
        for case in session.scalars(sa.select(Case)):
            if str(case.id) == old["case_id"]:
                case.created_at = utc_now() - timedelta(days=400)
    due = erasure_of(own_app).older_than(timedelta(days=365))
    assert [str(case.id) for case in due] == [old["case_id"]]
    assert erasure_of(own_app).erase(COMMAND_LINE, due, Cause.RETENTION).cells == 1
    assert own_app.count("cells") == 1
    assert new["cell_id"]


def test_what_was_erased_after_a_backup_does_not_come_back_with_it(
    own_app: RunningApp, tmp_path: Path
) -> None:
    upload(own_app, 1, SUBJECT)
    kept = upload(own_app, 2)
    back_up(own_app.settings, tmp_path / "backup", utc_now())
    erasure = erasure_of(own_app)
    erasure.erase(COMMAND_LINE, erasure.of_subject(SUBJECT), Cause.SUBJECT)
    place = Settings(data_dir=tmp_path / "restored", model=f"{NAME}/0.1.0")
    _, again = restore(place, tmp_path / "backup", utc_now, own_app.settings.erasure_list)
    assert (again.cases, again.pictures) == (1, 1)
    with opened(place.database) as engine, Database(engine).reading() as session:
        assert [str(case.id) for case in session.scalars(sa.select(Case))] == [kept["case_id"]]
        assert TrailService(session, None).verify([]) is None
    assert len(list(place.image_dir.rglob("*.png"))) == 1


def test_bundles_that_list_an_erased_upload_are_named(tmp_path: Path) -> None:
    digest = "ab" * 32
    for version, listed in (("0.1.0", digest), ("0.2.0", "cd" * 32)):
        folder = tmp_path / "local" / version
        (folder / "report").mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        (folder / "report/cells.json").write_text(f'["{listed}"]')
    assert bundles_that_name(frozenset({digest}), [tmp_path]) == ["local/0.1.0"]
    assert bundles_that_name(frozenset(), [tmp_path]) == []
