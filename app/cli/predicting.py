"""Predictions without a server: `leukolens classify` and `leukolens score`; and `leukolens bench`."""

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from app.cli.shared import (
    Json,
    err,
    find_bundle,
    out,
    print_json,
    read_settings,
    refusals,
)


def classify(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="450x450 segmented cell images.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION", help="Bundle; LEUKOLENS_MODEL when not given.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="auto, ncnn or tensorflow.")] = None,
    json: Json = False,
) -> None:
    """Predict cells without server or database."""
    from app.classify import classify_files
    from app.notice import NOTICE

    settings = read_settings(None)
    chosen: Any = engine or settings.engine
    with refusals():
        answers = classify_files(images, find_bundle(settings, model or settings.model), chosen)
    if json:
        print_json(answers)
        return
    table = Table("file", "prediction", "malignant", "healthy", "remarks")
    for answer in answers:
        p = answer["probabilities"]
        numbers = (f"{p['malignant']:.3f}", f"{p['healthy']:.3f}") if p else ("", "")
        remarks = answer["error"]["detail"] if answer["error"] else ", ".join(answer["reasons"])
        table.add_row(answer["file"], answer["label"] or "refused", *numbers, remarks)
    out.print(table)
    out.print(NOTICE)


def bench(context: typer.Context) -> None:
    """Measure this machine against the peers; options: `leukolens bench --help`, from a checkout."""
    checkout = Path(__file__).parents[2]
    if not (checkout / "tests/performance/__main__.py").is_file():
        err.print(
            "The benchmark lives in a checkout: clone the repository, `uv sync`, `uv run leukolens bench`."
        )
        raise typer.Exit(1)
    command = [sys.executable, "-m", "tests.performance", *context.args]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    os.execve(sys.executable, command, environment)  # noqa: S606 - own module, takes this process's place


def score(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Folder of cell images.")
    ],
    csv: Annotated[Path, typer.Option("--out", metavar="FILE.csv", help="Answer file; gone on with.")],
    cluster: Annotated[bool, typer.Option("--cluster", help="Score on Ray (extra `cluster`).")] = False,
    model: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION", help="Bundle; LEUKOLENS_MODEL when not given.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="auto, ncnn or tensorflow.")] = None,
    json: Json = False,
) -> None:
    """Predict every image below DIR, without server or database. The same command goes on after a stop."""
    from app.bulk.progress import shown_progress
    from app.bulk.service import cluster_rows, local_rows, score_folder
    from app.notice import NOTICE

    settings = read_settings(None)
    chosen: Any = engine or settings.engine
    with refusals(), shown_progress(err) as show:
        bundle = find_bundle(settings, model or settings.model)
        rows = cluster_rows(bundle, chosen, settings.ray_address) if cluster else local_rows(chosen)
        try:
            done = score_folder(folder, csv, bundle, rows, show)
        except KeyboardInterrupt:
            err.print(f"Stopped. {csv} is whole; the same command goes on.", highlight=False, markup=False)
            raise typer.Exit(1) from None
    if json:
        print_json(asdict(done) | {"out": str(csv)})
        return
    out.print(f"{csv}: {done.scored} scored, {done.refused} refused, {done.kept} kept.", highlight=False)
    out.print(NOTICE)
