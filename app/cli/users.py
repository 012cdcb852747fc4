"""`leukolens users ...`: accounts of people."""

from typing import Annotated

import typer

from app.accounts.permissions import Role
from app.cli.shared import (
    DataDir,
    Json,
    account_service,
    ask_password,
    out,
    print_rows,
    read_settings,
    refusals,
)

app = typer.Typer(no_args_is_help=True, help="Accounts of people.")


@app.command("add")
def users_add(
    email: str,
    name: Annotated[str, typer.Option(help="Shown beside verdicts.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.REVIEWER,
    site: Annotated[str | None, typer.Option(help="Laboratory; the first one when not given.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Create an account."""
    password = ask_password(password_stdin)
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        user = accounts.add_user(email, name, password, role, accounts.site(site))
    out.print(f"{user.email} is {user.role.value}.")


@app.command("list")
def users_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Accounts."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        sites = {site.id: site.name for site in accounts.sites()}
        rows = [
            {
                "email": user.email,
                "name": user.name,
                "role": user.role.value,
                "site": sites[user.site_id],
                "disabled": user.disabled_at is not None,
            }
            for user in accounts.users()
        ]
    print_rows(rows, json)


@app.command("disable")
def users_disable(email: str, data_dir: DataDir = None) -> None:
    """Lock an account and end its sessions."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        accounts.disable(accounts.user_by_email(email))
    out.print(f"{email} is disabled.")


@app.command("set-role")
def users_set_role(email: str, role: Role, data_dir: DataDir = None) -> None:
    """Change what a person may do and end the account's sessions."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        accounts.set_role(accounts.user_by_email(email), role)
    out.print(f"{email} is {role.value}.")


@app.command("set-password")
def users_set_password(
    email: str,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Change a password and end the account's sessions."""
    password = ask_password(password_stdin)
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        accounts.set_password(accounts.user_by_email(email), password)
    out.print(f"The password of {email} is changed.")
