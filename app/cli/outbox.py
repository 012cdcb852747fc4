"""`leukolens outbox ...`: messages on their way, and those that were given up."""

from typing import Annotated
from uuid import UUID

import typer

from app.cli.destinations import SiteName, site_session
from app.cli.shared import DataDir, Json, out, print_rows, read_settings, refusals
from app.outbox.states import MessageState

app = typer.Typer(no_args_is_help=True, help="Messages to other systems.")


@app.command("list")
def outbox_list(
    state: Annotated[list[MessageState] | None, typer.Option(help="Only these; repeat for more.")] = None,
    json: Json = False,
    site: SiteName = None,
    data_dir: DataDir = None,
) -> None:
    """Messages that wait and dead letters, newest first."""
    from app.clock import utc_now
    from app.outbox.service import OutboxService

    states = state or [MessageState.WAITING, MessageState.DEAD]
    with refusals(), site_session(read_settings(data_dir), site) as (session, site_id):
        rows = [
            {
                "id": str(row.id),
                "case": str(row.case_id),
                "destination": row.destination,
                "occasion": row.occasion.value,
                "state": row.state.value,
                "attempts": row.attempts,
                "problem": row.problem,
            }
            for row in OutboxService(session, utc_now()).rows(site_id, states)
        ]
    print_rows(rows, json)


@app.command("retry")
def outbox_retry(message_id: UUID, site: SiteName = None, data_dir: DataDir = None) -> None:
    """Let a dead letter be tried again."""
    from app.audit.service import COMMAND_LINE
    from app.clock import utc_now
    from app.outbox.service import OutboxService

    with refusals(), site_session(read_settings(data_dir), site) as (session, site_id):
        OutboxService(session, utc_now()).retry(COMMAND_LINE, site_id, message_id)
    out.print(f"{message_id} is tried again.")
