"""What every test may ask for: bundles, databases built by the real migrations, a running app, real cells."""

import csv
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from tests.postgresql import postgresql_programs, running_postgresql

REAL_DATA = Path(os.environ.get("LEUKOLENS_TEST_DATA", Path(__file__).parents[2] / "shared/data/cnmc2019"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# As the server's own: what a background task logs must not run into what a command prints.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests by hand take the time they need; those marked `real_data` are skipped, with the reason, without the data."""
    for item in items:
        if "long" in item.keywords:
            item.add_marker(pytest.mark.timeout(0))
    if (REAL_DATA / "index.csv").is_file():
        return
    skip = pytest.mark.skip(reason=f"needs the C-NMC 2019 part at {REAL_DATA}")
    for item in items:
        if "real_data" in item.keywords:
            item.add_marker(skip)


@dataclass(frozen=True)
class RealCell:
    """One cell of C-NMC 2019: its file and its row of `index.csv`."""

    path: Path
    row: dict[str, str]


@pytest.fixture(scope="session")
def test_part() -> list[RealCell]:
    """The cells of the frozen test part, in the order of `index.csv`."""
    with (REAL_DATA / "index.csv").open(newline="", encoding="utf-8") as file:
        return [
            RealCell(REAL_DATA / row["file"], row) for row in csv.DictReader(file) if row["split"] == "test"
        ]


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A real PostgreSQL, started for this test process."""
    programs = postgresql_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL: initdb was not found")
    with running_postgresql(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'log.sqlite3'}"
        return
    server = sa.make_url(request.getfixturevalue("postgresql_url"))
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"schema_{tmp_path.name}".replace("-", "_").lower()[:60]
    with admin.connect() as connection:
        connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    admin.dispose()
