"""What every test may ask for: bundles, databases built by the real migrations, a running app, real cells."""

import csv
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

REAL_DATA = Path(os.environ.get("LEUKOLENS_TEST_DATA", Path(__file__).parents[2] / "shared/data/cnmc2019"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `real_data` are skipped, with the reason, where the data is not."""
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
    programs = _postgresql_programs()
    if programs is None:
        pytest.skip("needs PostgreSQL: initdb was not found")
    with _running_postgresql(programs) as url:
        yield url


def _postgresql_programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return versions[-1].parent if versions else None


@contextmanager
def _running_postgresql(programs: Path) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="leukolens-pg-"))
    # initdb refuses root, so the server runs as somebody who owns nothing else.
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "tests", "--auth=trust", "-E", "UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    server = subprocess.Popen(
        [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    try:
        for _ in range(300):
            if subprocess.run([programs / "pg_isready", "-h", folder, "-q"], check=False).returncode == 0:
                break
            time.sleep(0.1)
        yield f"postgresql+psycopg://tests@/postgres?host={folder}"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
