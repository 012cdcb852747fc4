"""`leukolens models ...`: the registry of bundles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.shared import (
    DataDir,
    Json,
    ModelId,
    find_bundle,
    out,
    print_json,
    print_rows,
    read_settings,
    refusals,
    registry_service,
    writing_session,
)
from app.errors import Conflict

if TYPE_CHECKING:
    from app.settings import Settings

Reason = Annotated[str, typer.Option(help="Why, for the history of activations.", metavar="WORDS")]

app = typer.Typer(no_args_is_help=True, help="The registry of model bundles.")


@app.command("list")
def models_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Registered bundles and which one answers."""
    with refusals(), registry_service(read_settings(data_dir)) as registry:
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
    print_rows(rows, json)


@app.command("show")
def models_show(model: ModelId, json: Json = False, data_dir: DataDir = None) -> None:
    """The card of a bundle, or its manifest as JSON."""
    from app.registry.service import split_id

    with refusals(), registry_service(read_settings(data_dir)) as registry:
        bundle = registry.bundle(*split_id(model))
    if json:
        print_json(bundle.manifest.model_dump(mode="json"))
    else:
        out.print(bundle.card, highlight=False, markup=False)


@app.command("verify")
def models_verify(model: ModelId, data_dir: DataDir = None) -> None:
    """Read every byte of a bundle, load it, and hold it against its golden outputs."""
    from models.classifier import Classifier

    settings = read_settings(data_dir)
    with refusals():
        classifier = Classifier.open(find_bundle(settings, model), settings.engine)
    out.print(f"{model} is whole; engine {classifier.engine.name} reproduces its golden outputs.")
    out.print(f"sha256 {classifier.bundle.sha256}")


@app.command("activate")
def models_activate(model: ModelId, reason: Reason = "", data_dir: DataDir = None) -> None:
    """Let a bundle answer from now on; a running server follows with its next cell."""
    from app.audit.service import COMMAND_LINE

    settings = read_settings(data_dir)
    with refusals():
        tried = _try_out(settings, model)
        with registry_service(settings) as registry:
            active = registry.activate(COMMAND_LINE, model, reason)
            _require_same(tried, active.sha256)
    out.print(f"{active.name}/{active.version} answers now.")


@app.command("rollback")
def models_rollback(reason: Reason = "", data_dir: DataDir = None) -> None:
    """Back to the bundle that answered before."""
    from app.audit.service import COMMAND_LINE

    settings = read_settings(data_dir)
    with refusals():
        with registry_service(settings) as registry:
            before = registry.before_the_active()
        tried = _try_out(settings, f"{before.name}/{before.version}") if before else ""
        with registry_service(settings) as registry:
            active = registry.rollback(COMMAND_LINE, reason)
            _require_same(tried, active.sha256)
    out.print(f"{active.name}/{active.version} answers now.")


@app.command("import")
def models_import(folder: Path, data_dir: DataDir = None) -> None:
    """Verify a bundle folder and copy it into the data folder's store."""
    from app.clock import utc_now
    from app.retraining.service import RetrainingService
    from models.bundle import copy_bundle, read_bundle

    settings = read_settings(data_dir)
    with refusals():
        with writing_session(settings) as session:
            RetrainingService(session, utc_now()).refuse_held_back(read_bundle(folder).sha256)
        bundle = copy_bundle(folder, settings.model_dir, signed_by=settings.model_key)
    out.print(f"{bundle.id} is imported; `leukolens models activate {bundle.id}` lets it answer.")


@app.command("export")
def models_export(model: ModelId, folder: Path, data_dir: DataDir = None) -> None:
    """Verify a bundle and copy it below FOLDER as NAME/VERSION."""
    from models.bundle import copy_bundle

    with refusals():
        bundle = copy_bundle(find_bundle(read_settings(data_dir), model), folder)
    out.print(f"{bundle.id} is in {folder / bundle.id}.")


def _try_out(settings: "Settings", model_id: str) -> str:
    """Load a bundle and hold it against its golden outputs; its digest."""
    from models.classifier import Classifier

    return Classifier.open(find_bundle(settings, model_id), settings.engine).bundle.sha256


def _require_same(tried: str, activated: str) -> None:
    """Raised inside the unit of work, so that nothing is activated."""
    if tried != activated:
        raise Conflict("The model that would answer is not the one that was tried. Run the command again.")
