"""`leukolens ...`: parse, call one service, print. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.

One module a group of commands. Heavy parts are imported inside the commands: `worker` must be up in a second and
`--help` at once.
"""

import typer

from app.cli import (
    audit,
    backups,
    dataset,
    db,
    destinations,
    erasing,
    keys,
    models,
    operations,
    outbox,
    predicting,
    rescoring,
    retraining,
    serving,
    simulating,
    sites,
    users,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Leukolens: predictions for segmented single white cells, in cases that a person reviews. Research use only.",
)
app.command()(serving.serve)
app.command()(serving.worker)
app.command()(predicting.classify)
app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)(predicting.bench)
app.command()(predicting.score)
app.command()(rescoring.rescore)
app.command()(simulating.simulate_lis)
app.command()(backups.backup)
app.command()(backups.restore)
app.command()(erasing.erase)
app.command()(erasing.retention)
app.command()(operations.validate)
app.command()(operations.doctor)
app.command()(retraining.retrain)
app.add_typer(operations.monitoring, name="monitoring")
app.add_typer(models.app, name="models")
app.add_typer(dataset.app, name="dataset")
app.add_typer(retraining.app, name="retrainings")
app.add_typer(sites.app, name="sites")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(destinations.app, name="destinations")
app.add_typer(outbox.app, name="outbox")
app.add_typer(db.app, name="db")


def main() -> None:
    """Entry point of the `leukolens` command."""
    app()
