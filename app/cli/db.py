"""`leukolens db ...`: the case log's schema."""

import typer

from app.cli.shared import (
    DataDir,
    err,
    out,
    prepare_database,
    read_settings,
    refusals,
)

app = typer.Typer(no_args_is_help=True, help="The case log's schema.")


@app.command("upgrade")
def db_upgrade(data_dir: DataDir = None) -> None:
    """Bring the case log to the newest revision."""
    with refusals():
        prepare_database(read_settings(data_dir))
    out.print("The case log is at the newest revision.")


@app.command("check")
def db_check(data_dir: DataDir = None) -> None:
    """Whether the case log has the tables this version expects."""
    from app.database import open_database
    from app.schema import is_current

    if not is_current(open_database(read_settings(data_dir).database)):
        err.print("The case log is not at the newest revision. Run `leukolens db upgrade`.")
        raise typer.Exit(1)
    out.print("The case log is at the newest revision.")
