"""`leukolens keys ...`: keys of systems."""

from typing import Annotated
from uuid import UUID

import typer

from app.accounts.permissions import Scope
from app.cli.shared import (
    DataDir,
    Json,
    account_service,
    out,
    print_json,
    print_rows,
    read_settings,
    refusals,
)

app = typer.Typer(no_args_is_help=True, help="Keys of systems.")


@app.command("create")
def keys_create(
    name: Annotated[str, typer.Option(help="Which system holds the key.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeat for more.")],
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key; it is shown once."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        key, token = accounts.create_key(name, scope)
    if json:
        print_json({"id": str(key.id), "key": token, "scopes": key.scopes.split()})
    else:
        out.print(f"Key of {name}, shown this once: {token}", highlight=False, soft_wrap=True)


@app.command("list")
def keys_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Keys, without their secrets."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        rows = [
            {"id": str(key.id), "name": key.name, "scopes": key.scopes, "revoked": key.revoked_at is not None}
            for key in accounts.api_keys()
        ]
    print_rows(rows, json)


@app.command("revoke")
def keys_revoke(key_id: UUID, data_dir: DataDir = None) -> None:
    """End a key."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        accounts.revoke_key(key_id)
    out.print(f"{key_id} is revoked.")
