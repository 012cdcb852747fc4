"""`leukolens serve` and `leukolens worker`: the processes that run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.shared import (
    DataDir,
    account_service,
    err,
    prepare_database,
    read_settings,
    refusals,
)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    data_dir: DataDir = None,
) -> None:
    """Start web pages, REST API and engine."""
    from app.arenas import bound_arenas

    bound_arenas()  # before the imports: some start threads
    from app.drain import run
    from app.logs import configure_logs
    from app.main import create_app

    configure_logs()
    settings = read_settings(data_dir)
    prepare_database(settings)
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    base = f"http://{shown}:{port}"
    with refusals(), account_service(settings) as accounts:
        token = accounts.offer_setup()
    err.print(f"Leukolens listens on {base} (research use only)", highlight=False)
    if token is not None:
        err.print(
            f"No account yet. Create the first admin, once: {base}/setup/{token}",
            highlight=False,
            soft_wrap=True,
        )
    run(create_app(settings), host, port)


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
    from app.arenas import ENGINE_LARGE_BYTES, bound_arenas

    bound_arenas(ENGINE_LARGE_BYTES)
    import uvicorn

    from app.inference.scorer import ModelRef
    from app.inference.worker import create_worker, end_with_parent
    from app.logs import configure_logs
    from models.bundle import STORE

    configure_logs()
    settings = read_settings(data_dir)
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
