"""`leukolens simulate-lis`: a laboratory beside the server, for demonstration and load."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.shared import err, out, refusals


def simulate_lis(
    key: Annotated[
        str,
        typer.Option(
            envvar="LEUKOLENS_KEY", prompt=True, hide_input=True, help="Key with the scope cases:write."
        ),
    ],
    url: Annotated[str, typer.Option(help="Address of the server.")] = "http://localhost:8000",
    cases: Annotated[int, typer.Option(min=1, help="Orders to send.")] = 3,
    cells: Annotated[int, typer.Option(min=1, help="Cells of each order.")] = 8,
    folder: Annotated[
        Path | None, typer.Option(help="Send pictures from here instead of drawn cells.")
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="Orders to send side by side.")] = 1,
    mllp_port: Annotated[int, typer.Option(help="Listen for HL7 results here; 0: not at all.")] = 0,
    webhook_port: Annotated[int, typer.Option(help="Listen for webhooks here; 0: not at all.")] = 0,
    webhook_secret: Annotated[
        str, typer.Option(envvar="LEUKOLENS_WEBHOOK_SECRET", help="As `destinations add` showed it.")
    ] = "",
    wait_s: Annotated[float, typer.Option(help="Seconds to wait for people to sign.")] = 600.0,
) -> None:
    """Play a laboratory: send orders and cells, then print the results that come back; 1 when one is missing."""
    import asyncio

    from app.lab_simulator.simulation import Simulation, simulate

    if webhook_port and not webhook_secret:
        err.print("Expected --webhook-secret beside --webhook-port: an unsigned message proves nothing.")
        raise typer.Exit(2)
    lab = Simulation(url, key, cases, cells, folder, at_once, mllp_port, webhook_port, webhook_secret, wait_s)
    with refusals():
        complete = asyncio.run(simulate(lab, lambda line: out.print(line, highlight=False, soft_wrap=True)))
    if not complete:
        raise typer.Exit(1)
