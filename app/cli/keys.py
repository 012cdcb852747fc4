"""`leukolens keys ...`: keys of systems."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from app.accounts.permissions import Scope
from app.cli.shared import (
    DataDir,
    Json,
    key_service,
    out,
    print_json,
    print_rows,
    read_settings,
    refusals,
)

if TYPE_CHECKING:
    from app.accounts.tables import ApiKey

app = typer.Typer(no_args_is_help=True, help="Keys of systems.")


@app.command("create")
def keys_create(
    name: Annotated[str, typer.Option(help="Which system holds the key.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeat for more.")],
    site: Annotated[str | None, typer.Option(help="Laboratory; the first one when not given.")] = None,
    days: Annotated[int | None, typer.Option(help="Days until it expires; never when not given.")] = None,
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key; it is shown once."""
    with refusals(), key_service(read_settings(data_dir)) as (keys, accounts):
        lives = None if days is None else timedelta(days=days)
        key, token = keys.create(accounts.site(site), name, scope, lives)
    _show(key, token, json)


@app.command("list")
def keys_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Keys, without their secrets."""
    with refusals(), key_service(read_settings(data_dir)) as (keys, accounts):
        sites = {site.id: site.name for site in accounts.sites()}
        rows = [
            {
                "id": str(key.id),
                "name": key.name,
                "scopes": key.scopes,
                "site": sites[key.site_id],
                "expires_at": key.expires_at and key.expires_at.isoformat(),
                "last_used_at": key.last_used_at and key.last_used_at.isoformat(),
                "revoked": key.revoked_at is not None,
            }
            for key in keys.all()
        ]
    print_rows(rows, json)


@app.command("revoke")
def keys_revoke(key_id: UUID, data_dir: DataDir = None) -> None:
    """End a key."""
    with refusals(), key_service(read_settings(data_dir)) as (keys, _):
        keys.revoke(keys.key(key_id))
    out.print(f"{key_id} is revoked.")


@app.command("rotate")
def keys_rotate(
    key_id: UUID,
    overlap_days: Annotated[int, typer.Option(help="Days for which the old key works on.")] = 7,
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a successor that may do the same; the old key ends after the overlap."""
    with refusals(), key_service(read_settings(data_dir)) as (keys, _):
        key, token = keys.rotate(keys.key(key_id), timedelta(days=overlap_days))
    _show(key, token, json)


def _show(key: "ApiKey", token: str, json: bool) -> None:
    if json:
        print_json({"id": str(key.id), "key": token, "scopes": key.scopes.split()})
    else:
        out.print(
            f"Key of {key.name}, shown this once: {token}", highlight=False, markup=False, soft_wrap=True
        )
