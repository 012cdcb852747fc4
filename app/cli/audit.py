"""`leukolens audit ...`: the trail of who did what."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.shared import DataDir, Json, err, out, print_json, print_rows, read_settings, refusals

if TYPE_CHECKING:
    from app.audit.trail import TrailService
    from app.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The trail of who did what.")


class Form(StrEnum):
    """What `audit export` writes."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command("verify")
def audit_verify(json: Json = False, data_dir: DataDir = None) -> None:
    """Whether the trail is whole; names the first line that was edited, cut, reordered or put back."""
    from app.audit.heads import HeadFile

    settings = read_settings(data_dir)
    with refusals():
        heads = HeadFile(settings.data_dir).read()
        with _trail(settings) as trail:
            found, newest = trail.verify(heads), trail.page(limit=1).events
    lines = newest[0].number if newest else 0
    if json:
        print_json(
            {
                "whole": found is None,
                "lines": lines,
                "heads": len(heads),
                "first_broken": found and vars(found),
            }
        )
    elif found is None:
        out.print(f"The trail is whole: {lines} lines, {len(heads)} exported heads.", highlight=False)
    else:
        err.print(f"The trail breaks at line {found.number}. {found.why}", highlight=False, markup=False)
    raise typer.Exit(0 if found is None else 1)


@app.command("list")
def audit_list(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many lines, newest first.")] = 50,
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """The newest lines of all sites."""
    from app.audit.export import row_of

    with refusals(), _trail(read_settings(data_dir)) as trail:
        rows = [row_of(event) for event in trail.page(limit=limit).events]
    if not json:
        shown = ("number", "at", "actor", "act", "object_id", "details")
        rows = [{column: row[column] for column in shown} for row in rows]
    print_rows(rows, json)


@app.command("export")
def audit_export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Written; must not exist yet.")],
    form: Annotated[Form, typer.Option("--as", help="JSON lines, or CSV for a spreadsheet.")] = Form.JSONL,
    data_dir: DataDir = None,
) -> None:
    """Write the whole trail to a file."""
    from app.audit.export import csv_lines, json_lines

    with refusals(), _trail(read_settings(data_dir)) as trail:
        lines = (csv_lines if form is Form.CSV else json_lines)(trail.lines())
        with file.open("x", encoding="utf-8", newline="") as target:
            target.writelines(lines)
    out.print(f"The trail is in {file}.", highlight=False)


@contextmanager
def _trail(settings: "Settings") -> "Iterator[TrailService]":
    """Of all sites, for reading; the case log is left at the revision it has."""
    from app.audit.trail import TrailService
    from app.database import Database, open_database

    with Database(open_database(settings.database)).reading() as session:
        yield TrailService(session, None)
