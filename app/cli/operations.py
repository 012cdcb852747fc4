"""`leukolens doctor`, `validate` and `monitoring ...`: how the installation and its models are doing."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from app.cli.shared import (
    DataDir,
    Json,
    find_bundle,
    out,
    print_json,
    print_rows,
    read_settings,
    refusals,
    registry_service,
    writing_session,
)

if TYPE_CHECKING:
    from app.settings import Settings

monitoring = typer.Typer(no_args_is_help=True, help="Figures of the models in use.")


def doctor(json: Json = False, data_dir: DataDir = None) -> None:
    """Look at database, disk, engine, model, backlog, audit trail and alerts; say what is wrong and what to do."""
    from app.clock import utc_now
    from app.doctor import Health, examine
    from models.bundle import STORE

    settings = read_settings(data_dir)
    findings = examine(settings, (settings.model_dir, STORE), utc_now())
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        table = Table("part", "health", "seen", "what to do")
        for finding in findings:
            table.add_row(finding.part, finding.health.replace("_", " "), finding.seen, finding.remedy)
        out.print(table)
    raise typer.Exit(int(any(finding.health is Health.BROKEN for finding in findings)))


@monitoring.command("summarise")
def summarise(json: Json = False, data_dir: DataDir = None) -> None:
    """Write today's summary of every site and move its alerts; `serve` does it by itself every night."""
    from app.clock import utc_now
    from app.monitoring.service import MonitoringService
    from models.bundle import STORE

    settings = read_settings(data_dir)
    with refusals(), writing_session(settings) as session:
        service = MonitoringService(session, (settings.model_dir, STORE), utc_now())
        rows = [
            {
                "site": str(figures.site_id),
                "cells": sum(model.cells for model in figures.models),
                "refused": figures.refused.count,
                "alerts": [alert.sentence for alert in figures.alerts if alert.level != "quiet"],
            }
            for figures in service.summarise_all()
        ]
    print_rows(rows, json)


def validate(
    data: Annotated[
        Path,
        typer.Option(exists=True, file_okay=False, help="index.csv, or folders malignant and healthy."),
    ],
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder of the report; ./validation when not given.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION", help="Bundle; the active one when not given.")
    ] = None,
    json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Judge the active model on a laboratory's own labelled cells, and say whether they look like its training cells."""
    from app.validation import read_labelled, validate, write_report
    from models.classifier import Classifier

    settings = read_settings(data_dir)
    with refusals():
        files = read_labelled(data)
        folder = find_bundle(settings, model) if model else active_bundle(settings)
        report = validate(Classifier.open(folder, settings.engine), files)
        written = write_report(report, out_dir or Path("validation"))
    if json:
        print_json(report.model_dump(mode="json"))
        return
    out.print(report.verdict, highlight=False)
    for path in written:
        out.print(path, highlight=False)
    out.print(report.notice)


def active_bundle(settings: "Settings") -> Path:
    """Folder of the model that answers now."""
    with registry_service(settings) as registry:
        folder: Path = registry.folder(registry.active())
    return folder
