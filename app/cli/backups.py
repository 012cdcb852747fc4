"""`leukolens backup` and `leukolens restore`."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.shared import DataDir, out, read_settings, refusals


def backup(folder: Path, data_dir: DataDir = None) -> None:
    """Copy case log, pictures and imported models into a new FOLDER; the server may run on."""
    from app.backups.service import back_up
    from app.clock import utc_now

    with refusals():
        note = back_up(read_settings(data_dir), folder, utc_now())
    out.print(
        f"{note.cases} cases with {note.pictures} pictures are in {folder}; keep it apart from this machine."
    )


def restore(
    folder: Path,
    erasures: Annotated[
        Path | None,
        typer.Option(help="erasures.jsonl of the data folder that was lost, newer than the backup's."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Put the backup in FOLDER into an empty data folder and an empty database."""
    from app.backups.service import restore as put_back
    from app.clock import utc_now

    with refusals():
        note, again = put_back(read_settings(data_dir), folder, utc_now, erasures)
    out.print(
        f"{note.cases} cases with {note.pictures} pictures are back, as of {note.created_at:%Y-%m-%d %H:%M} UTC."
    )
    if again.cases:
        out.print(f"{again.cases} cases that had been erased since then were erased again.")
    if erasures is None:
        out.print("Cases erased after the backup was made are back, unless you give --erasures.")
