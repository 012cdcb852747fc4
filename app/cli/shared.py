"""What every command uses: consoles, options, units of work, how a refusal is printed."""

import json as json_module
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.errors import LeukolensError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.accounts.keys import KeyService
    from app.accounts.service import AccountService
    from app.settings import Settings

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DataDir = Annotated[Path | None, typer.Option(help="Data folder; LEUKOLENS_DATA_DIR when not given.")]
ModelId = Annotated[str, typer.Argument(metavar="NAME/VERSION")]


def read_settings(data_dir: Path | None) -> "Settings":
    from pydantic import ValidationError

    from app.settings import Settings

    try:
        return Settings(data_dir=data_dir) if data_dir else Settings()
    except ValidationError as wrong:
        for problem in wrong.errors(include_input=False, include_url=False):
            err.print(f"Settings: {'.'.join(map(str, problem['loc']))} {problem['msg']}", highlight=False)
        raise typer.Exit(1) from None


def prepare_database(settings: "Settings") -> None:
    from app.database import open_database
    from app.schema import upgrade

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = open_database(settings.database)
    upgrade(engine)
    engine.dispose()


@contextmanager
def writing_session(settings: "Settings") -> "Iterator[Session]":
    from app.database import Database, open_database

    prepare_database(settings)
    with Database(open_database(settings.database)).unit_of_work() as session:
        yield session


@contextmanager
def account_service(settings: "Settings") -> "Iterator[AccountService]":
    from app.accounts.service import AccountService
    from app.audit.service import COMMAND_LINE
    from app.clock import utc_now

    with writing_session(settings) as session:
        yield AccountService(session, settings.secret, utc_now(), COMMAND_LINE)


@contextmanager
def key_service(settings: "Settings") -> "Iterator[tuple[KeyService, AccountService]]":
    """Keys, and the sites they belong to."""
    from app.accounts.keys import KeyService
    from app.accounts.service import AccountService
    from app.audit.service import COMMAND_LINE
    from app.clock import utc_now

    with writing_session(settings) as session:
        given = (session, settings.secret, utc_now(), COMMAND_LINE)
        yield KeyService(*given), AccountService(*given)


@contextmanager
def registry_service(settings: "Settings") -> Iterator[Any]:
    from app.clock import utc_now
    from app.registry.service import RegistryService
    from models.bundle import STORE

    with writing_session(settings) as session:
        registry = RegistryService(
            session, (settings.model_dir, STORE), utc_now(), signed_by=settings.model_key
        )
        registry.seed(settings.model)
        yield registry


@contextmanager
def refusals() -> Iterator[None]:
    """Print a refusal and leave with 1; anything else is a bug and shows itself."""
    from app.backups.folder import BackupRefused
    from models.bundle import BundleRefused
    from models.classifier import EngineDisagrees
    from models.engines import EngineUnavailable

    try:
        yield
    except LeukolensError as refusal:
        err.print(refusal.detail, highlight=False, markup=False)
        raise typer.Exit(1) from None
    except (BackupRefused, BundleRefused, EngineDisagrees, EngineUnavailable, FileExistsError) as refusal:
        err.print(str(refusal), highlight=False, markup=False)
        raise typer.Exit(1) from None


def find_bundle(settings: "Settings", model_id: str) -> Path:
    from app.registry.service import bundle_folder, split_id
    from models.bundle import STORE

    return bundle_folder((settings.model_dir, STORE), *split_id(model_id))


def ask_password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def print_json(value: Any) -> None:
    typer.echo(json_module.dumps(value, indent=1, allow_nan=False))


def print_rows(rows: list[dict[str, Any]], json: bool) -> None:
    if json:
        print_json(rows)
        return
    table = Table(*(rows[0] if rows else ("nothing yet",)))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    out.print(table)
