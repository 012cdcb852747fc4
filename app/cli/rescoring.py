"""`leukolens rescore`: a case scored again by another version of a model."""

from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli.shared import (
    DataDir,
    Json,
    find_bundle,
    out,
    prepare_database,
    print_json,
    read_settings,
    refusals,
)


def rescore(
    case: Annotated[UUID, typer.Argument(metavar="CASE", help="Id of an open case.")],
    model: Annotated[
        str | None, typer.Option(metavar="NAME/VERSION", help="Bundle; LEUKOLENS_MODEL when not given.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="auto, ncnn or tensorflow.")] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Score a case again with another version; its earlier predictions stay. The same command goes on after a stop."""
    from dataclasses import asdict

    from app.clock import utc_now
    from app.database import Database, open_database
    from app.image_store import ImageStore
    from app.rescore import rescore_case
    from models.classifier import Classifier

    settings = read_settings(data_dir)
    chosen: Any = engine or settings.engine
    with refusals():
        prepare_database(settings)
        database = Database(open_database(settings.database))
        classifier = Classifier.open(find_bundle(settings, model or settings.model), chosen)
        done = rescore_case(database, ImageStore(settings.image_dir), classifier, case, utc_now)
    if json:
        print_json(asdict(done))
        return
    out.print(
        f"{done.scored} cells scored by {done.model}, {done.kept} had its prediction already.",
        highlight=False,
    )
