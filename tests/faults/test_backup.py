"""A backup made under load comes back whole, on either database, and only into an empty place."""

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.accounts.permissions import Scope
from app.backups.folder import SUMS, BackupRefused
from app.backups.service import back_up, restore
from app.clock import utc_now
from app.database import Base, open_database
from app.settings import Settings
from tests.app.conftest import RunningApp, png_of
from tests.bundles import NAME
from tests.postgresql import new_database


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Where a backup may go."""
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            url = stack.enter_context(new_database(request.getfixturevalue("postgresql_url")))
        yield Settings(data_dir=tmp_path / "restored", database_url=url, model=f"{NAME}/0.1.0")


def upload(app: RunningApp, key: dict[str, str], seed: int) -> str:
    """The id of a new cell."""
    files = {"image": ("cell.png", png_of(seed))}
    answer = app.client.post("/api/v1/predictions", headers=key, files=files)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["cell_id"])


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, in order."""
    engine = open_database(url)
    with engine.connect() as connection:
        found = {
            table.name: [
                tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key))
            ]
            for table in Base.metadata.sorted_tables
        }
    engine.dispose()
    return found


def pictures(settings: Settings) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in settings.image_dir.rglob("*.png")
    }


def test_every_row_and_every_picture_comes_back(
    app: RunningApp, empty_place: Settings, tmp_path: Path
) -> None:
    upload(app, app.key(Scope.CASES_WRITE), 1)
    before = contents(app.settings.database)
    note = back_up(app.settings, tmp_path / "backup", utc_now())
    assert note.cells == len(before["cells"]) > 0
    subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=tmp_path / "backup", check=True)
    restore(empty_place, tmp_path / "backup", utc_now)
    after = contents(empty_place.database)
    added = [row for row in after["audit_events"] if row not in before["audit_events"]]
    assert [row[5] for row in added] == ["data.restored"]
    after["audit_events"] = [row for row in after["audit_events"] if row not in added]
    assert after == before
    assert pictures(empty_place) == pictures(app.settings)
    assert (empty_place.model_dir / NAME / "0.1.0/manifest.json").is_file()


def test_what_was_acknowledged_before_a_backup_under_load_is_in_it(app: RunningApp, tmp_path: Path) -> None:
    key = app.key(Scope.CASES_WRITE)
    acknowledged, stop = [upload(app, key, 2)], threading.Event()

    def keep_uploading() -> None:
        seed = 100
        while not stop.is_set():
            acknowledged.append(upload(app, key, seed))
            seed += 1

    sender = threading.Thread(target=keep_uploading)
    sender.start()
    while len(acknowledged) < 5:
        stop.wait(0.05)
    before = set(acknowledged)
    back_up(app.settings, tmp_path / "backup", utc_now())
    stop.set()
    sender.join()
    assert len(acknowledged) > len(before), "nothing was uploaded meanwhile"
    place = Settings(data_dir=tmp_path / "restored", model=f"{NAME}/0.1.0")
    restore(place, tmp_path / "backup", utc_now)
    cells = contents(place.database)["cells"]
    assert before <= {str(row[0]) for row in cells}
    column = list(Base.metadata.tables["cells"].c.keys()).index("pixels_sha256")
    assert {f"{row[column]}.png" for row in cells if row[column]} == set(pictures(place))


@pytest.fixture
def finished(own_app: RunningApp, tmp_path: Path) -> Path:
    """A backup of one case."""
    upload(own_app, own_app.key(Scope.CASES_WRITE), 3)
    back_up(own_app.settings, tmp_path / "backup", utc_now())
    return tmp_path / "backup"


@pytest.mark.parametrize("damage", ["a byte", "a file less", "a file more", "no sums", "a link", "a way out"])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    finished: Path, tmp_path: Path, damage: str
) -> None:
    picture, sums = next(finished.rglob("*.png")), finished / SUMS
    match damage:
        case "a byte":
            data = bytearray(picture.read_bytes())
            data[100] ^= 1
            picture.write_bytes(data)
        case "a file less":
            picture.unlink()
        case "a file more":
            (finished / "images/more.png").write_bytes(b"")
        case "no sums":
            sums.unlink()
        case "a link":
            picture.rename(tmp_path / "elsewhere")
            picture.symlink_to(tmp_path / "elsewhere")
        case _:
            sums.write_text(sums.read_text() + f"{'0' * 64}  images/../../../outside\n")
    with pytest.raises(BackupRefused):
        restore(Settings(data_dir=tmp_path / "restored"), finished, utc_now)
    assert not (tmp_path / "restored/images").exists()


def test_a_backup_goes_into_an_empty_place_only(own_app: RunningApp, finished: Path) -> None:
    before = contents(own_app.settings.database)
    with pytest.raises(BackupRefused, match="empty"):
        restore(own_app.settings, finished, utc_now)
    assert contents(own_app.settings.database) == before


def test_a_backup_does_not_write_over_another_one(own_app: RunningApp, finished: Path) -> None:
    with pytest.raises(BackupRefused, match="empty folder"):
        back_up(own_app.settings, finished, utc_now())


def test_a_missing_picture_is_named_when_the_backup_is_made(own_app: RunningApp, tmp_path: Path) -> None:
    upload(own_app, own_app.key(Scope.CASES_WRITE), 4)
    (picture,) = own_app.stored_files()
    picture.unlink()
    with pytest.raises(BackupRefused, match=picture.stem):
        back_up(own_app.settings, tmp_path / "backup", utc_now())
    assert not (tmp_path / "backup" / SUMS).exists()
