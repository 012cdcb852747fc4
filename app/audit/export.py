"""The audit trail as files for others: JSON lines, and CSV that no spreadsheet takes for a formula."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC

from app.audit.tables import AuditEvent
from app.spreadsheet import neutral

COLUMNS = (
    "number",
    "at",
    "site_id",
    "actor_id",
    "actor",
    "act",
    "object_id",
    "details",
    "previous_digest",
    "digest",
)


def json_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    """One object a line; with `previous_digest` and `digest` the chain can be checked elsewhere."""
    for event in events:
        yield json.dumps(row_of(event), allow_nan=False) + "\n"


def csv_lines(events: Iterable[AuditEvent]) -> Iterator[str]:
    """A header and one row a line; details as JSON."""
    yield _csv_row(COLUMNS)
    for event in events:
        row = row_of(event) | {"details": json.dumps(event.details, sort_keys=True)}
        yield _csv_row(neutral("" if row[column] is None else str(row[column])) for column in COLUMNS)


def row_of(event: AuditEvent) -> dict[str, object]:
    """A line by the names of its columns."""
    return {
        "number": event.number,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "site_id": str(event.site_id) if event.site_id else None,
        "actor_id": str(event.actor_id) if event.actor_id else None,
        "actor": event.actor,
        "act": event.act,
        "object_id": event.object_id,
        "details": event.details,
        "previous_digest": event.previous_digest,
        "digest": event.digest,
    }


def _csv_row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
