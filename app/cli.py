"""`leukolens ...`: parse, call one service, print. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

Heavy parts are imported inside the commands: `worker` must be up in a second and `--help` at once.
"""

import json as json_module
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from app.accounts.permissions import Role, Scope
from app.errors import LeukolensError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Leukolens: predictions for segmented single white cells, in cases that a person reviews. Research use only.",
)
models_app = typer.Typer(no_args_is_help=True, help="The registry of model bundles.")
users_app = typer.Typer(no_args_is_help=True, help="Accounts of people.")
keys_app = typer.Typer(no_args_is_help=True, help="Keys of systems.")
db_app = typer.Typer(no_args_is_help=True, help="The case log's schema.")
app.add_typer(models_app, name="models")
app.add_typer(users_app, name="users")
app.add_typer(keys_app, name="keys")
app.add_typer(db_app, name="db")

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
DataDir = Annotated[Path | None, typer.Option(help="Data folder; LEUKOLENS_DATA_DIR when not given.")]
ModelId = Annotated[str, typer.Argument(metavar="NAME/VERSION")]


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    data_dir: DataDir = None,
) -> None:
    """Start web pages, REST API and engine."""
    import uvicorn

    from app.logs import configure_logs
    from app.main import create_app

    configure_logs()
    settings = _settings(data_dir)
    _prepare_database(settings)
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    base = f"http://{shown}:{port}"
    with _refusals(), _accounts(settings) as accounts:
        token = accounts.offer_setup()
    err.print(f"Leukolens listens on {base} (research use only)", highlight=False)
    if token is not None:
        err.print(
            f"No account yet. Create the first admin, once: {base}/setup/{token}",
            highlight=False,
            soft_wrap=True,
        )
    uvicorn.run(
        create_app(settings),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=25,
    )


@app.command()
def worker(
    socket: Annotated[Path | None, typer.Option(help="Unix socket to listen on.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on, when no socket is given.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on, when no socket is given.")] = 8001,
    engine: Annotated[str | None, typer.Option(help="auto, ncnn or tensorflow.")] = None,
    first: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION@SHA256", help="Model to load before being ready.")
    ] = None,
    data_dir: DataDir = None,
    exit_with_parent: Annotated[
        bool, typer.Option("--exit-with-parent", help="End when standard input closes.")
    ] = False,
) -> None:
    """Start the engine process alone, on a GPU host for instance."""
    import uvicorn

    from app.inference.scorer import ModelRef
    from app.inference.worker import create_worker, end_with_parent
    from app.logs import configure_logs
    from models.bundle import STORE

    configure_logs()
    settings = _settings(data_dir)
    if exit_with_parent:
        end_with_parent()
    chosen: Any = engine or settings.engine
    model: ModelRef | None = None
    if first is not None:
        name_version, _, sha256 = first.partition("@")
        name, _, version = name_version.partition("/")
        model = ModelRef(name, version, sha256)
    application = create_worker((settings.model_dir, STORE), chosen, model)
    where: dict[str, Any] = {"uds": str(socket)} if socket else {"host": host, "port": port}
    uvicorn.run(application, **where, log_config=None, access_log=False, server_header=False)


@app.command()
def classify(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="450x450 segmented cell images.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION", help="Bundle; LEUKOLENS_MODEL when not given.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="auto, ncnn or tensorflow.")] = None,
    json: Json = False,
) -> None:
    """Predict cells without server or database."""
    from app.classify import classify_files
    from app.notice import NOTICE

    settings = _settings(None)
    chosen: Any = engine or settings.engine
    with _refusals():
        answers = classify_files(images, _bundle_folder(settings, model or settings.model), chosen)
    if json:
        _print_json(answers)
        return
    table = Table("file", "prediction", "malignant", "healthy", "remarks")
    for answer in answers:
        p = answer["probabilities"]
        numbers = (f"{p['malignant']:.3f}", f"{p['healthy']:.3f}") if p else ("", "")
        remarks = answer["error"]["detail"] if answer["error"] else ", ".join(answer["reasons"])
        table.add_row(answer["file"], answer["label"] or "refused", *numbers, remarks)
    out.print(table)
    out.print(NOTICE)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def bench(context: typer.Context) -> None:
    """Measure this machine against the peers; options: `leukolens bench --help`, from a checkout."""
    checkout = Path(__file__).parents[1]
    if not (checkout / "tests/performance/__main__.py").is_file():
        err.print(
            "The benchmark lives in a checkout: clone the repository, `uv sync`, `uv run leukolens bench`."
        )
        raise typer.Exit(1)
    command = [sys.executable, "-m", "tests.performance", *context.args]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    os.execve(sys.executable, command, environment)  # noqa: S606 - own module, takes this process's place


@app.command()
def score(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Folder of cell images.")
    ],
    csv: Annotated[Path, typer.Option("--out", metavar="FILE.csv", help="Answer file; gone on with.")],
    cluster: Annotated[bool, typer.Option("--cluster", help="Score on Ray (extra `cluster`).")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION", help="Bundle; LEUKOLENS_MODEL when not given.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="auto, ncnn or tensorflow.")] = None,
    json: Json = False,
) -> None:
    """Predict every image below DIR, without server or database. The same command goes on after a stop."""
    from app.bulk.progress import shown_progress
    from app.bulk.service import cluster_rows, local_rows, score_folder
    from app.notice import NOTICE

    settings = _settings(None)
    chosen: Any = engine or settings.engine
    with _refusals(), shown_progress(err) as show:
        bundle = _bundle_folder(settings, model or settings.model)
        rows = cluster_rows(bundle, chosen, settings.ray_address) if cluster else local_rows(chosen)
        try:
            done = score_folder(folder, csv, bundle, rows, show)
        except KeyboardInterrupt:
            err.print(f"Stopped. {csv} is whole; the same command goes on.", highlight=False, markup=False)
            raise typer.Exit(1) from None
    if json:
        _print_json(asdict(done) | {"out": str(csv)})
        return
    out.print(f"{csv}: {done.scored} scored, {done.refused} refused, {done.kept} kept.", highlight=False)
    out.print(NOTICE)


# --- models ---


@models_app.command("list")
def models_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Registered bundles and which one answers."""
    with _refusals(), _registry(_settings(data_dir)) as registry:
        rows = [
            {
                "name": entry.model.name,
                "version": entry.model.version,
                "sha256": entry.model.sha256,
                "active": entry.active,
                "registered_at": entry.model.registered_at.isoformat(),
            }
            for entry in registry.overview()
        ]
    _print_rows(rows, json)


@models_app.command("show")
def models_show(model: ModelId, json: Json = False, data_dir: DataDir = None) -> None:
    """The card of a bundle, or its manifest as JSON."""
    from app.registry.service import split_id

    with _refusals(), _registry(_settings(data_dir)) as registry:
        bundle = registry.bundle(*split_id(model))
    if json:
        _print_json(bundle.manifest.model_dump(mode="json"))
    else:
        out.print(bundle.card, highlight=False, markup=False)


@models_app.command("verify")
def models_verify(model: ModelId, data_dir: DataDir = None) -> None:
    """Read every byte of a bundle, load it, and hold it against its golden outputs."""
    from models.classifier import Classifier

    settings = _settings(data_dir)
    with _refusals():
        classifier = Classifier.open(_bundle_folder(settings, model), settings.engine)
    out.print(f"{model} is whole; engine {classifier.engine.name} reproduces its golden outputs.")
    out.print(f"sha256 {classifier.bundle.sha256}")


@models_app.command("activate")
def models_activate(model: ModelId, data_dir: DataDir = None) -> None:
    """Let a bundle answer from now on; a running server follows with its next cell."""
    with _refusals(), _registry(_settings(data_dir)) as registry:
        active = registry.activate(model, by="command line")
    out.print(f"{active.name}/{active.version} answers now.")


@models_app.command("rollback")
def models_rollback(data_dir: DataDir = None) -> None:
    """Back to the bundle that answered before."""
    with _refusals(), _registry(_settings(data_dir)) as registry:
        active = registry.rollback(by="command line")
    out.print(f"{active.name}/{active.version} answers now.")


@models_app.command("import")
def models_import(folder: Path, data_dir: DataDir = None) -> None:
    """Verify a bundle folder and copy it into the data folder's store."""
    from models.bundle import copy_bundle

    settings = _settings(data_dir)
    with _refusals():
        bundle = copy_bundle(folder, settings.model_dir)
    out.print(f"{bundle.id} is imported; `leukolens models activate {bundle.id}` lets it answer.")


@models_app.command("export")
def models_export(model: ModelId, folder: Path, data_dir: DataDir = None) -> None:
    """Verify a bundle and copy it below FOLDER as NAME/VERSION."""
    from models.bundle import copy_bundle

    with _refusals():
        bundle = copy_bundle(_bundle_folder(_settings(data_dir), model), folder)
    out.print(f"{bundle.id} is in {folder / bundle.id}.")


# --- users ---


@users_app.command("add")
def users_add(
    email: str,
    name: Annotated[str, typer.Option(help="Shown beside verdicts.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.REVIEWER,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Create an account."""
    password = _password(password_stdin)
    with _refusals(), _accounts(_settings(data_dir)) as accounts:
        user = accounts.add_user(email, name, password, role)
    out.print(f"{user.email} is {user.role.value}.")


@users_app.command("list")
def users_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Accounts."""
    with _refusals(), _accounts(_settings(data_dir)) as accounts:
        rows = [
            {
                "email": user.email,
                "name": user.name,
                "role": user.role.value,
                "disabled": user.disabled_at is not None,
            }
            for user in accounts.users()
        ]
    _print_rows(rows, json)


@users_app.command("disable")
def users_disable(email: str, data_dir: DataDir = None) -> None:
    """Lock an account and end its sessions."""
    with _refusals(), _accounts(_settings(data_dir)) as accounts:
        accounts.disable(email)
    out.print(f"{email} is disabled.")


@users_app.command("set-password")
def users_set_password(
    email: str,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Change a password and end the account's sessions."""
    password = _password(password_stdin)
    with _refusals(), _accounts(_settings(data_dir)) as accounts:
        accounts.set_password(email, password)
    out.print(f"The password of {email} is changed.")


# --- keys ---


@keys_app.command("create")
def keys_create(
    name: Annotated[str, typer.Option(help="Which system holds the key.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeat for more.")],
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key; it is shown once."""
    with _refusals(), _accounts(_settings(data_dir)) as accounts:
        key, token = accounts.create_key(name, scope)
    if json:
        _print_json({"id": str(key.id), "key": token, "scopes": key.scopes.split()})
    else:
        out.print(f"Key of {name}, shown this once: {token}", highlight=False, soft_wrap=True)


@keys_app.command("list")
def keys_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Keys, without their secrets."""
    with _refusals(), _accounts(_settings(data_dir)) as accounts:
        rows = [
            {"id": str(key.id), "name": key.name, "scopes": key.scopes, "revoked": key.revoked_at is not None}
            for key in accounts.api_keys()
        ]
    _print_rows(rows, json)


@keys_app.command("revoke")
def keys_revoke(key_id: UUID, data_dir: DataDir = None) -> None:
    """End a key."""
    with _refusals(), _accounts(_settings(data_dir)) as accounts:
        accounts.revoke_key(key_id)
    out.print(f"{key_id} is revoked.")


# --- database ---


@db_app.command("upgrade")
def db_upgrade(data_dir: DataDir = None) -> None:
    """Bring the case log to the newest revision."""
    with _refusals():
        _prepare_database(_settings(data_dir))
    out.print("The case log is at the newest revision.")


@db_app.command("check")
def db_check(data_dir: DataDir = None) -> None:
    """Whether the case log has the tables this version expects."""
    from app.database import open_database
    from app.schema import is_current

    if not is_current(open_database(_settings(data_dir).database)):
        err.print("The case log is not at the newest revision. Run `leukolens db upgrade`.")
        raise typer.Exit(1)
    out.print("The case log is at the newest revision.")


# --- shared ---


def _settings(data_dir: Path | None) -> "Settings":
    from pydantic import ValidationError

    from app.settings import Settings

    try:
        return Settings(data_dir=data_dir) if data_dir else Settings()
    except ValidationError as wrong:
        for problem in wrong.errors(include_input=False, include_url=False):
            err.print(f"Settings: {'.'.join(map(str, problem['loc']))} {problem['msg']}", highlight=False)
        raise typer.Exit(1) from None


def _prepare_database(settings: "Settings") -> None:
    from app.database import open_database
    from app.schema import upgrade

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = open_database(settings.database)
    upgrade(engine)
    engine.dispose()


@contextmanager
def _session(settings: "Settings") -> "Iterator[Session]":
    from app.database import Database, open_database

    _prepare_database(settings)
    with Database(open_database(settings.database)).unit_of_work() as session:
        yield session


@contextmanager
def _accounts(settings: "Settings") -> Iterator[Any]:
    from app.accounts.service import AccountService
    from app.clock import utc_now

    with _session(settings) as session:
        yield AccountService(session, settings.secret, utc_now())


@contextmanager
def _registry(settings: "Settings") -> Iterator[Any]:
    from app.clock import utc_now
    from app.registry.service import RegistryService
    from models.bundle import STORE

    with _session(settings) as session:
        registry = RegistryService(session, (settings.model_dir, STORE), utc_now())
        registry.seed(settings.model)
        yield registry


@contextmanager
def _refusals() -> Iterator[None]:
    """Print a refusal and leave with 1; anything else is a bug and shows itself."""
    from models.bundle import BundleRefused
    from models.classifier import EngineDisagrees
    from models.engines import EngineUnavailable

    try:
        yield
    except LeukolensError as refusal:
        err.print(refusal.detail, highlight=False, markup=False)
        raise typer.Exit(1) from None
    except (BundleRefused, EngineDisagrees, EngineUnavailable, FileExistsError) as refusal:
        err.print(str(refusal), highlight=False, markup=False)
        raise typer.Exit(1) from None


def _bundle_folder(settings: "Settings", model_id: str) -> Path:
    from app.registry.service import bundle_folder, split_id
    from models.bundle import STORE

    return bundle_folder((settings.model_dir, STORE), *split_id(model_id))


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _print_json(value: Any) -> None:
    typer.echo(json_module.dumps(value, indent=1, allow_nan=False))


def _print_rows(rows: list[dict[str, Any]], json: bool) -> None:
    if json:
        _print_json(rows)
        return
    table = Table(*(rows[0] if rows else ("nothing yet",)))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    out.print(table)


def main() -> None:
    """Entry point of the `leukolens` command."""
    app()


if __name__ == "__main__":
    main()
