"""`leukolens destinations ...`: which systems are told of results."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from app.cli.shared import (
    DataDir,
    Json,
    out,
    print_json,
    print_rows,
    read_settings,
    refusals,
    writing_session,
)
from app.outbox.states import DestinationKind

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.settings import Settings

SiteName = Annotated[str | None, typer.Option("--site", help="Laboratory; the first one when not given.")]

app = typer.Typer(no_args_is_help=True, help="Systems that are told of results.")


@app.command("add")
def destinations_add(
    name: str,
    kind: Annotated[DestinationKind, typer.Option(help="What it speaks.")],
    address: Annotated[str, typer.Option(help="https://HOST/PATH, for hl7 mllp://HOST:PORT.")],
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read a FHIR server's bearer token from stdin.")
    ] = False,
    json: Json = False,
    site: SiteName = None,
    data_dir: DataDir = None,
) -> None:
    """Tell a system of preliminary results from now on; a webhook's secret is shown once."""
    from app.audit.service import COMMAND_LINE
    from app.clock import utc_now
    from app.outbox.destinations import DestinationService

    token = sys.stdin.readline().strip() if token_stdin else None
    with refusals(), site_session(read_settings(data_dir), site) as (session, site_id):
        service = DestinationService(session, utc_now())
        added = service.add(COMMAND_LINE, site_id, name, kind, address, token)
    secret = added.secret if kind is DestinationKind.WEBHOOK else None
    if json:
        print_json({"name": added.name, "mode": added.mode.value, "secret": secret})
        return
    out.print(f"{added.name} is told preliminary results, for research.")
    if secret is not None:
        out.print(f"Secret of its signatures, shown this once: {secret}", highlight=False, soft_wrap=True)


@app.command("list")
def destinations_list(json: Json = False, site: SiteName = None, data_dir: DataDir = None) -> None:
    """Destinations, without their secrets."""
    from app.clock import utc_now
    from app.outbox.destinations import DestinationService

    with refusals(), site_session(read_settings(data_dir), site) as (session, site_id):
        service = DestinationService(session, utc_now())
        rows = [
            {
                "name": standing.destination.name,
                "kind": standing.destination.kind.value,
                "address": standing.destination.address,
                "mode": standing.destination.mode.value,
                "declared_by": standing.declared_by,
                "waiting": standing.waiting,
                "dead": standing.dead,
            }
            for standing in service.standings(site_id)
        ]
    print_rows(rows, json)


@app.command("disable")
def destinations_disable(name: str, site: SiteName = None, data_dir: DataDir = None) -> None:
    """Tell it nothing new; cases it was told of are still amended and retracted there."""
    from app.audit.service import COMMAND_LINE
    from app.clock import utc_now
    from app.outbox.destinations import DestinationService

    with refusals(), site_session(read_settings(data_dir), site) as (session, site_id):
        DestinationService(session, utc_now()).disable(COMMAND_LINE, site_id, name)
    out.print(f"{name} is told nothing new.")


@app.command("declare-final")
def destinations_declare_final(
    name: str,
    by: Annotated[str, typer.Option(help="The person who answers for it.")],
    text: Annotated[str, typer.Option(help="The site's declaration, in its own words.")],
    site: SiteName = None,
    data_dir: DataDir = None,
) -> None:
    """Record the site's declaration, and send signed results as final from now on."""
    from app.audit.service import COMMAND_LINE
    from app.clock import utc_now
    from app.outbox.destinations import DestinationService

    with refusals(), site_session(read_settings(data_dir), site) as (session, site_id):
        DestinationService(session, utc_now()).declare_final(COMMAND_LINE, site_id, name, by, text)
    out.print(f"{name} is told signed results as final.")


@contextmanager
def site_session(settings: "Settings", site: str | None) -> "Iterator[tuple[Session, UUID]]":
    """A unit of work, and the id of the site whose destinations it is about."""
    from app.accounts.service import AccountService
    from app.audit.service import COMMAND_LINE
    from app.clock import utc_now

    with writing_session(settings) as session:
        yield session, AccountService(session, settings.secret, utc_now(), COMMAND_LINE).site(site).id
