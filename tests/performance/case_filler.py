"""A case log as large as wanted, in minutes: rows of the real schema and of real sizes, written past the services."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

import sqlalchemy as sa
from psycopg.types.json import Json

from app.accounts.permissions import Identity, Permission
from app.accounts.tables import Site
from app.cases.tables import Case, CaseState, Cell, CellState, Prediction
from app.reviews.tables import Review, Verdict
from models.classifier import PredictionLabel
from models.measurements import MEASUREMENTS

CELLS_A_CASE = 100
CASES_A_CHUNK = 100
STOCK = 256
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
BETWEEN_CASES = timedelta(minutes=7)
EMBEDDING_BYTES = 1536 * 4
HEATMAP_BYTES = 14 * 14 * 2
"""As the shipped bundle writes them: 1536 values, a map of 14 x 14."""

_COPY_TYPES = {
    sa.Uuid: "uuid",
    sa.String: "text",
    sa.Integer: "int4",
    sa.Boolean: "bool",
    sa.Double: "float8",
    sa.Float: "float8",
    sa.LargeBinary: "bytea",
    sa.JSON: "json",
}

Values = dict[str, Any]


def fill(engine: sa.Engine, cells: int, cells_a_case: int = CELLS_A_CASE) -> Identity:
    """Fill an empty, migrated database.

    One case in twenty has no accession, one cell in fifty was refused, one in twenty was scored by a second
    model, half the cells of cases in review carry a verdict.

    Returns:
        Somebody who may look into it.
    """
    site_id = uuid.uuid4()
    who = Identity(uuid.uuid4(), site_id, "bench", frozenset({Permission.SEE_CASES}))
    writer = _Writer(Random(cells), who, cells_a_case)
    loader = sa.create_engine(engine.url)
    with loader.connect() as connection:
        if engine.dialect.name == "sqlite":
            # Nothing here must survive a power cut, and a gigabyte of pages spares the disk the random writes.
            for pragma in ("synchronous=OFF", "wal_autocheckpoint=100000", "cache_size=-1000000"):
                connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.execute(sa.insert(Site).values(id=site_id, name="Benchmark"))
        cases = cells // cells_a_case
        for first in range(0, cases, CASES_A_CHUNK):
            numbers = range(first, min(first + CASES_A_CHUNK, cases))
            for table, rows in writer.rows(numbers).items():
                _insert(connection, table, rows)
            connection.connection.commit()  # SQLAlchemy's own does nothing where it has only seen a COPY
    with loader.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE")
    loader.dispose()
    return who


@dataclass
class _Writer:
    """Makes rows, JSON as text. random: decides everything that varies; long values come from a small stock."""

    random: Random
    who: Identity
    cells_a_case: int

    def __post_init__(self) -> None:
        self._measurements = [
            json.dumps({name: self.random.random() * 1000 for name in MEASUREMENTS}) for _ in range(STOCK)
        ]
        self._embeddings = [self.random.randbytes(EMBEDDING_BYTES) for _ in range(STOCK)]
        self._heatmaps = [self._heatmap() for _ in range(STOCK)]

    def rows(self, numbers: range) -> dict[sa.Table, list[Values]]:
        cases = [self._case(number) for number in numbers]
        cells = [self._cell(case, position) for case in cases for position in range(1, self.cells_a_case + 1)]
        predictions = [made for cell in cells for made in self._predictions(cell)]
        judged = {case["id"] for case in cases if case["state"] is CaseState.IN_REVIEW}
        reviews = [
            self._review(cell) for cell in cells if cell["case_id"] in judged and self.random.random() < 0.5
        ]
        by_class = {Case: cases, Cell: cells, Prediction: predictions, Review: reviews}
        return {sa.inspect(row).local_table: rows for row, rows in by_class.items()}  # type: ignore[misc]

    def _id(self, created_at: datetime) -> uuid.UUID:
        """As `new_id` makes them at that time."""
        milliseconds = int(created_at.timestamp() * 1000)
        high, low = self.random.getrandbits(12), self.random.getrandbits(62)
        return uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)

    def _case(self, number: int) -> Values:
        states = [CaseState.OPEN, CaseState.SCORED, CaseState.IN_REVIEW]
        prefix = ("R", "r", "Lab-")[number % 3]
        created_at = FIRST_DAY + number * BETWEEN_CASES
        return {
            "id": self._id(created_at),
            "site_id": self.who.site_id,
            "accession": None if number % 20 == 19 else f"{prefix}{2026 + number % 2}-{number:06d}",
            "state": self.random.choices(states, (1, 14, 5))[0],
            "drawn": False,
            "version": 1,
            "created_at": created_at,
            "created_by": self.who.id,
            "request_id": None,
        }

    def _cell(self, case: Values, position: int) -> Values:
        refused = self.random.random() < 0.02
        waiting = case["state"] is CaseState.OPEN and self.random.random() < 0.1
        state = CellState.REFUSED if refused else CellState.STORED if waiting else CellState.SCORED
        created_at = case["created_at"] + timedelta(seconds=position)
        return {
            "id": self._id(created_at),
            "case_id": case["id"],
            "position": position,
            "state": state,
            "client_ref": f"tile-{position:04d}",
            "image_sha256": self._digest(),
            "pixels_sha256": None if refused else self._digest(),
            "file_format": None if refused else "PNG",
            "measurements": None if refused else self.random.choice(self._measurements),
            "quality": None if refused else "[]",
            "problem_code": "image_wrong_size" if refused else None,
            "problem_detail": "Expected 450x450 pixels, got 300x300." if refused else None,
            "lease_until": None,
            "attempts": 1,
            "created_at": created_at,
            "request_id": None,
            "request_part": None,
        }

    def _predictions(self, cell: Values) -> list[Values]:
        if cell["state"] is not CellState.SCORED:
            return []
        return [self._prediction(cell, number) for number in range(2 if self.random.random() < 0.05 else 1)]

    def _prediction(self, cell: Values, number: int) -> Values:
        p_malignant = self.random.random()
        label = PredictionLabel.MALIGNANT if p_malignant > 0.55 else PredictionLabel.HEALTHY
        created_at = cell["created_at"] + timedelta(days=number, seconds=1)
        return {
            "id": self._id(created_at),
            "cell_id": cell["id"],
            "model_name": "vgg16-cnmc",
            "model_version": f"0.{number + 1}.0",
            "model_sha256": f"{number}" * 64,
            "engine": "ncnn",
            "preprocessing_version": 1,
            "label": PredictionLabel.INDETERMINATE if 0.45 < p_malignant < 0.55 else label,
            "model_label": label,
            "p_malignant": p_malignant,
            "band_low": 0.45,
            "band_high": 0.55,
            "reasons": "[]",
            "embedding": self.random.choice(self._embeddings),
            "heatmap": self.random.choice(self._heatmaps),
            "latency_ms": 120.0,
            "created_at": created_at,
        }

    def _heatmap(self) -> bytes:
        """Zero outside the cell, which covers about a third of the map."""
        margin = bytes(HEATMAP_BYTES // 3)
        return margin + self.random.randbytes(HEATMAP_BYTES - 2 * len(margin)) + margin

    def _review(self, cell: Values) -> Values:
        created_at = cell["created_at"] + timedelta(days=1)
        return {
            "id": self._id(created_at),
            "cell_id": cell["id"],
            "number": 1,
            "verdict": self.random.choice(list(Verdict)),
            "note": "",
            "author_id": self.who.id,
            "author_name": "A Reviewer",
            "created_at": created_at,
        }

    def _digest(self) -> str:
        return f"{self.random.getrandbits(256):064x}"


def _insert(connection: sa.Connection, table: sa.Table, rows: list[Values]) -> None:
    """Many rows at once: COPY in PostgreSQL, one prepared statement in SQLite."""
    if not rows:
        return
    columns = [table.c[name] for name in rows[0]]
    names = ", ".join(f'"{column.name}"' for column in columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        tuples = [tuple(map(_sqlite_value, row.values())) for row in rows]
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", tuples)
        return
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy:  # type: ignore[attr-defined]
        copy.set_types([_copy_type(column) for column in columns])
        for row in rows:
            copy.write_row([_copy_value(row[column.name], column) for column in columns])


def _sqlite_value(value: Any) -> Any:
    """As `app.database` and SQLAlchemy write it."""
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return str(value) if isinstance(value, StrEnum) else value


def _copy_type(column: "sa.Column[Any]") -> str:
    if isinstance(column.type, sa.types.TypeDecorator):
        return "timestamptz"
    return next(name for kind, name in _COPY_TYPES.items() if isinstance(column.type, kind))


def _copy_value(value: Any, column: "sa.Column[Any]") -> Any:
    if isinstance(column.type, sa.JSON) and value is not None:
        return Json(value, dumps=str)
    return str(value) if isinstance(value, StrEnum) else value
