"""`leukolens retrain` and `leukolens retrainings ...`: a challenger for the model that answers, and the history."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.shared import (
    DataDir,
    Json,
    account_service,
    err,
    out,
    prepare_database,
    print_rows,
    read_settings,
    refusals,
    writing_session,
)

if TYPE_CHECKING:
    from app.retrain import Retrainer
    from app.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The history of retrainings.")


def retrain(
    data: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of new labelled cells.")
    ] = None,
    include_reviewed: Annotated[
        bool, typer.Option("--include-reviewed", help="Permitted cells of the case log, as `dataset export`.")
    ] = False,
    profile: Annotated[
        str, typer.Option(help="A profile of training; `head` keeps the convolutions.")
    ] = "head",
    init: Annotated[
        str, typer.Option(help="As for `python -m training`; the model that answers when not given.")
    ] = "",
    replay: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="The cells the model was made from; LEUKOLENS_TRAINING_DATA when not given.",
        ),
    ] = None,
    limits: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Limits file of the gate.")
    ] = None,
    site: Annotated[str | None, typer.Option(help="Whose reviewed cells; the default site's.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Train a challenger on new and old cells and register it as a candidate if the gate lets it pass; else exit 1."""
    from app.audit.service import COMMAND_LINE
    from app.errors import BadRequest
    from app.retrain import Wanted
    from app.retraining.tables import GateVerdict

    settings = read_settings(data_dir)
    with refusals(), _retrainer(settings) as retrainer:
        old = replay or settings.training_data
        if old is None:
            raise BadRequest(
                "Expected the cells the model was made from: --replay, or LEUKOLENS_TRAINING_DATA."
            )
        reviewed_of = None
        if include_reviewed:
            with account_service(settings) as accounts:
                reviewed_of = accounts.site(site).id
        wanted = Wanted(data, old, reviewed_of, profile, init, limits)
        row = retrainer.retrain(
            COMMAND_LINE, wanted, lambda line: out.print(line, highlight=False, markup=False, soft_wrap=True)
        )
    if row.verdict is GateVerdict.PASSED:
        out.print(
            f"{row.challenger} is a candidate; `leukolens models activate {row.challenger}` lets it answer."
        )
        return
    err.print(f"Retraining {row.number} is {row.verdict}; {row.champion} stays.", highlight=False)
    for reason in row.reasons:
        err.print(f"- {reason}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1)


@app.command("list")
def retrainings_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Every retraining that reached a verdict, newest first."""
    from app.clock import utc_now
    from app.retraining.service import RetrainingService

    with refusals(), writing_session(read_settings(data_dir)) as session:
        rows = [
            {
                "number": row.number,
                "finished_at": row.finished_at.isoformat(),
                "champion": row.champion,
                "challenger": row.challenger,
                "snapshot": row.snapshot_sha256,
                "verdict": row.verdict.value,
                "reasons": row.reasons,
                "let_pass_by": [override.first_admin, override.second_admin] if override else [],
            }
            for row, override in RetrainingService(session, utc_now()).history()
        ]
    print_rows(rows, json)


@app.command("override")
def retrainings_override(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Of an inconclusive retraining.")],
    first: Annotated[str, typer.Option(metavar="EMAIL", help="An admin.")],
    second: Annotated[str, typer.Option(metavar="EMAIL", help="Another admin.")],
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why, for the history.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Both passwords, a line each, from standard input.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Let an inconclusive challenger become a candidate: two admins sign in for it. A refused one stays refused."""
    import sys

    settings = read_settings(data_dir)
    with refusals(), _retrainer(settings) as retrainer:
        admins = []
        for email in (first, second):
            password = (
                sys.stdin.readline().rstrip("\n")
                if password_stdin
                else str(typer.prompt(f"Password of {email}", hide_input=True))
            )
            with account_service(settings) as accounts:
                admins.append(accounts.check_password(email, password))
        row = retrainer.override(number, admins, reason)
    out.print(
        f"{row.challenger} is a candidate; `leukolens models activate {row.challenger}` lets it answer."
    )


@contextmanager
def _retrainer(settings: "Settings") -> "Iterator[Retrainer]":
    from app.clock import utc_now
    from app.database import Database, opened
    from app.retrain import Retrainer

    prepare_database(settings)
    with opened(settings.database) as engine:
        yield Retrainer(settings, Database(engine), utc_now)
