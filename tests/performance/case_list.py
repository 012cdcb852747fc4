"""The case list at 10,000 and at 1,000,000 cells: what a page of it costs, on SQLite and on PostgreSQL.

A page is everything the list shows: the rows, their counts by state, label and verdict, and how many cases of
the site are in which state. Every look carries another cursor or search.
"""

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import sqlalchemy as sa

from app import schema
from app.accounts.permissions import Identity
from app.cases.service import CasePage, CaseService
from app.cases.tables import Case, CaseState
from app.clock import utc_now
from app.database import Database, open_database
from app.reviews.service import ReviewService
from tests.performance.case_filler import fill
from tests.performance.figures import Bound, Row, quantile
from tests.postgresql import postgresql_programs, running_postgresql

LIMIT_MS = 50.0
GROWTH_LIMIT = 1.5
WARM_UP = 3

_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}

Look = Callable[[Random], dict[str, object]]


def case_list_rows(
    scratch: Path, small: int, large: int, looks: int, say: Callable[[str], None]
) -> list[Row]:
    """Rows for each kind of look on each database."""
    rows: list[Row] = []
    for kind in ("SQLite", "PostgreSQL"):
        if kind == "PostgreSQL" and postgresql_programs() is None:
            say("PostgreSQL: initdb was not found, its rows are left out")
            continue
        with ExitStack() as stack:
            few, many = [
                _Log.of(*stack.enter_context(_filled(kind, cells, scratch, say))) for cells in (small, large)
            ]
            _measure(few, many, looks)
        rows += [_row(kind, look, (small, few.found[look]), (large, many.found[look])) for look in many.kinds]
    return rows


@contextmanager
def _filled(
    kind: str, cells: int, scratch: Path, say: Callable[[str], None]
) -> Iterator[tuple[sa.Engine, Identity]]:
    """A database with so many cells, gone afterwards."""
    with ExitStack() as stack:
        if kind == "SQLite":
            folder = stack.enter_context(tempfile.TemporaryDirectory(dir=scratch))
            url = f"sqlite:///{folder}/case_log.sqlite3"
        else:
            programs = postgresql_programs()
            assert programs is not None
            url = stack.enter_context(running_postgresql(programs))
        engine = open_database(url)
        stack.callback(engine.dispose)
        schema.upgrade(engine)
        begin = time.perf_counter()
        who = fill(engine, cells)
        seconds = time.perf_counter() - begin
        with engine.connect() as connection:
            size = connection.scalar(sa.text(_SIZES[engine.dialect.name]))
        say(f"{kind}: {cells:,} cells written in {seconds:.0f} s, {size / cells / 1000:.1f} kB a cell")
        yield engine, who


@dataclass
class _Log:
    """One filled log under measurement. found: milliseconds of each look, by kind."""

    database: Database
    who: Identity
    kinds: dict[str, Look]
    found: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, engine: sa.Engine, who: Identity) -> "_Log":
        database = Database(engine)
        with database.reading() as session:
            named = list(session.scalars(sa.select(Case.accession).where(Case.accession.is_not(None))))
        return cls(database, who, _kinds([name for name in named if name], _cursors(database, who)))

    def look(self, kind: str, dice: Random) -> None:
        wanted = self.kinds[kind](dice)
        begin = time.perf_counter()
        _show(self.database, self.who, wanted)
        self.found[kind].append((time.perf_counter() - begin) * 1000)


def _measure(small: _Log, large: _Log, looks: int) -> None:
    """Kinds and logs take turns, so that a busy moment hits all of them."""
    dice = Random(1)
    for number in range(-WARM_UP, looks):
        for kind in large.kinds:
            for log in (small, large) if number % 2 else (large, small):
                log.look(kind, dice)
    for log in (small, large):
        for times in log.found.values():
            del times[:WARM_UP]


def _kinds(accessions: list[str], cursors: list[str]) -> dict[str, Look]:
    """The looks a page can be asked for, each drawing its own cursor, state or search."""
    states = list(CaseState)
    return {
        "first page": lambda dice: {},
        "deep page": lambda dice: {"cursor": dice.choice(cursors)},
        "state filter": lambda dice: {"state": dice.choice(states)},
        "state filter, deep page": lambda dice: {
            "state": dice.choice(states),
            "cursor": dice.choice(cursors),
        },
        "search, one case": lambda dice: {"search": dice.choice(accessions).swapcase()},
        "search, a hundredth": lambda dice: {"search": dice.choice(accessions)[:-2].lower()},
        "search, most cases": lambda dice: {"search": dice.choice(("R", "r2", "LAB"))},
        "search, nothing": lambda dice: {"search": f"x{dice.randrange(10**6)}"},
    }


def _show(database: Database, who: Identity, wanted: dict[str, object]) -> CasePage:
    """What the list's page asks of the services."""
    with database.reading() as session:
        cases = CaseService(session, utc_now())
        page = cases.cases(who, **wanted)  # type: ignore[arg-type]
        cases.label_counts(who, page.cases)
        ReviewService(session, utc_now()).judged_counts(page.cases)
        cases.state_counts(who, str(wanted.get("search", "")))
        return page


def _cursors(database: Database, who: Identity) -> list[str]:
    """Cursors of pages all the way down, as the list itself hands them out."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        with database.reading() as session:
            cursor = CaseService(session, utc_now()).cases(who, cursor=cursor, limit=25).next_cursor
        if cursor is None:
            return found
        found.append(cursor)


def _row(kind: str, look: str, small: tuple[int, list[float]], large: tuple[int, list[float]]) -> Row:
    few, many = quantile(small[1], 0.95), quantile(large[1], 0.95)
    growth = many / few
    return Row(
        f"case list, {look}, {large[0]:,} cells, {kind}: p95",
        f"{many:.1f} ms (p50 {quantile(large[1], 0.5):.1f})",
        f"{few:.1f} ms at {small[0]:,} cells",
        f"{many:.1f} ms, {growth:.2f}x",
        f"< {LIMIT_MS:g} ms, {Bound(GROWTH_LIMIT, at_least=False)}x",
        many < LIMIT_MS and growth <= GROWTH_LIMIT,
    )
