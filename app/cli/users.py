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
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Create an account."""
    password = ask_password(password_stdin)
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        user = accounts.add_user(email, name, password, role)
    out.print(f"{user.email} is {user.role.value}.")


@app.command("list")
def users_list(json: Json = False, data_dir: DataDir = None) -> None:
    """Accounts."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        rows = [
            {
                "email": user.email,
                "name": user.name,
                "role": user.role.value,
                "disabled": user.disabled_at is not None,
            }
            for user in accounts.users()
        ]
    print_rows(rows, json)


@app.command("disable")
def users_disable(email: str, data_dir: DataDir = None) -> None:
    """Lock an account and end its sessions."""
    with refusals(), account_service(read_settings(data_dir)) as accounts:
        accounts.disable(email)
    out.print(f"{email} is disabled.")


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
        accounts.set_password(email, password)
    out.print(f"The password of {email} is changed.")
