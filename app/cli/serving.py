"""`leukolens serve` and `leukolens worker`: the processes that run."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.shared import (
    DataDir,
    account_service,
    err,
    read_settings,
    refusals,
    registry_service,
)

if TYPE_CHECKING:
    import asyncio

    from app.inference.supervisor import EngineSupervisor
    from app.settings import Settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    data_dir: DataDir = None,
) -> None:
    """Start web pages, REST API and engine."""
    import asyncio

    from app.arenas import bound_arenas
    from app.inference.fork_server import start_fork_server
    from app.light_start import let_algebra_sleep, uncollected

    bound_arenas()  # before the imports: some start threads
    let_algebra_sleep()
    # Of all that starts this process takes longest, so decoders and engine import beside it.
    start_fork_server()
    with asyncio.Runner() as runner, suppress(KeyboardInterrupt):
        with uncollected():
            settings = read_settings(data_dir)
            supervisor = _launch_engine(runner, settings)
            _prepare(settings, supervisor, host, port)
            from app.drain import run_until_signal
            from app.main import create_app

            application = create_app(settings, supervisor=supervisor)
        runner.run(run_until_signal(application, host, port))


def _launch_engine(runner: "asyncio.Runner", settings: "Settings") -> "EngineSupervisor | None":
    """In the loop that serves later: it notices when the process ends."""
    from app.inference.supervisor import own_engine
    from app.logs import configure_logs

    configure_logs()
    supervisor = own_engine(settings)
    if supervisor is not None:
        runner.run(supervisor.launch())
    return supervisor


def _prepare(settings: "Settings", supervisor: "EngineSupervisor | None", host: str, port: int) -> None:
    """Bring the case log to its newest revision, tell the engine what to load, and people where to go."""
    with refusals(), registry_service(settings) as registry:
        active = registry.active()
    if supervisor is not None:
        supervisor.load_first(active)
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


def worker(
    socket: Annotated[Path | None, typer.Option(help="Unix socket to listen on.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on, when no socket is given.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on, when no socket is given.")] = 8001,
    engine: Annotated[str | None, typer.Option(help="auto, ncnn or tensorflow.")] = None,
    first: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION@SHA256", help="Model to load before being ready.")
    ] = None,
    data_dir: DataDir = None,
    under_parent: Annotated[
        bool,
        typer.Option(
            "--under-parent", help="Read that model from standard input instead, and end when this closes."
        ),
    ] = False,
) -> None:
    """Start the engine process alone, on a GPU host for instance."""
    from concurrent.futures import Future

    from app.arenas import ENGINE_LARGE_BYTES, bound_arenas
    from app.light_start import let_algebra_sleep, uncollected

    bound_arenas(ENGINE_LARGE_BYTES)
    let_algebra_sleep()
    with uncollected():
        import uvicorn

        from app.inference.scorer import ModelRef
        from app.inference.worker import create_worker, obey_parent
        from app.logs import configure_logs
        from models.bundle import STORE

    configure_logs()
    settings = read_settings(data_dir)
    model: Future[ModelRef] | None = obey_parent() if under_parent else None
    if first is not None:
        model = Future()
        model.set_result(ModelRef.parse(first))
    chosen: Any = engine or settings.engine
    application = create_worker((settings.model_dir, STORE), chosen, model)
    where: dict[str, Any] = {"uds": str(socket)} if socket else {"host": host, "port": port}
    # h11 whatever else is installed: httptools answers 400 to a request for which there was no memory.
    uvicorn.run(application, **where, http="h11", log_config=None, access_log=False, server_header=False)
