"""`leukolens dataset ...`: reviewed cells as a data folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.shared import (
    DataDir,
    Json,
    account_service,
    out,
    print_json,
    read_settings,
    refusals,
)
from app.dataset.limits import CELLS_A_READER

if TYPE_CHECKING:
    from app.dataset.service import DatasetService
    from app.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Reviewed cells as a data folder to train on.")


@app.command("export")
def dataset_export(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new or empty folder.")],
    site: Annotated[str | None, typer.Option(help="Site by name; the default site when not given.")] = None,
    shareable: Annotated[
        bool, typer.Option("--shareable", help="Only cells whose permission lets them leave the site.")
    ] = False,
    cells_a_reader: Annotated[
        int, typer.Option(min=1, help="At most so many cells rest on one reader's word.")
    ] = CELLS_A_READER,
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Write permitted cells on whose class blinded readers agreed or an adjudication settled; count the others."""
    from app.audit.service import COMMAND_LINE

    settings = read_settings(data_dir)
    with refusals():
        with account_service(settings) as accounts:
            site_id = accounts.site(site).id
        with dataset_service(settings) as dataset:
            done = dataset.export(
                COMMAND_LINE, site_id, folder, shareable=shareable, cells_a_reader=cells_a_reader
            )
    left_out = {reason.value: count for reason, count in done.left_out.most_common()}
    if json:
        print_json(
            {
                "cells": done.cells,
                "people": done.people,
                "index_sha256": done.index_sha256,
                "left_out": left_out,
            }
        )
        return
    out.print(f"{done.cells} cells of {done.people} people are in {folder}.", highlight=False, markup=False)
    for reason, count in left_out.items():
        out.print(f"Left out: {count} {reason}.", highlight=False)


@contextmanager
def dataset_service(settings: "Settings") -> "Iterator[DatasetService]":
    """Over a database at its newest revision."""
    from app.clock import utc_now
    from app.database import Database, opened
    from app.dataset.service import DatasetService
    from app.image_store import ImageStore

    with opened(settings.database) as engine:
        yield DatasetService(Database(engine), ImageStore(settings.image_dir), settings.secret, utc_now)
