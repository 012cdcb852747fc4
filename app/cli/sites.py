"""`leukolens sites ...`: laboratories; each sees its own cases only."""

import typer

from app.cli.shared import DataDir, Json, account_service, out, print_rows, read_settings, refusals

app = typer.Typer(no_args_is_help=True, help="Laboratories; each sees its own cases only.")


@app.command("add")
def sites_add(name: str, data_dir: DataDir = None) -> None:
    """Found a site; `users add --site` and `keys create --site` fill it."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        site = accounts.add_site(name)
    out.print(f"{site.name} is a site.", highlight=False, markup=False)


@app.command("list")
def sites_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Sites."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        rows = [{"id": str(site.id), "name": site.name} for site in accounts.sites()]
    print_rows(rows, json)
