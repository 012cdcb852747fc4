"""`leukolens erase` and `leukolens retention`: cases that must go."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.shared import DataDir, out, prepare_database, print_rows, read_settings, refusals

if TYPE_CHECKING:
    from app.cases.tables import Case
    from app.erasure.service import Cause, ErasureService
    from app.settings import Settings

Yes = Annotated[bool, typer.Option("--yes", help="Erase; without it the cases are only listed.")]


def erase(
    subject: Annotated[str, typer.Option(help="The lab's own name of the person, as in the cases.")],
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Erase every case of a person: pixels, embeddings, verdicts, signatures, messages. Backups keep theirs."""
    from app.erasure.service import Cause

    settings = read_settings(data_dir)
    with refusals(), _erasure_service(settings) as erasure:
        _erase(settings, erasure, erasure.of_subject(subject), Cause.SUBJECT, yes)


def retention(
    older_than_days: Annotated[int, typer.Option(min=1, help="Age of a case since it was opened.")],
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Erase every case older than so many days, in the same way."""
    from app.erasure.service import Cause

    settings = read_settings(data_dir)
    with refusals(), _erasure_service(settings) as erasure:
        _erase(settings, erasure, erasure.older_than(timedelta(days=older_than_days)), Cause.RETENTION, yes)


def _erase(
    settings: "Settings", erasure: "ErasureService", cases: "list[Case]", cause: "Cause", yes: bool
) -> None:
    from app.audit.service import COMMAND_LINE
    from app.erasure.service import bundles_that_name
    from models.bundle import STORE

    if not yes:
        print_rows(
            [
                {
                    "case": str(case.id),
                    "accession": case.accession or "",
                    "opened": f"{case.created_at:%Y-%m-%d}",
                }
                for case in cases
            ],
            json=False,
        )
        out.print(f"{len(cases)} cases would be erased; nothing was. Add --yes to erase them.")
        return
    gone = erasure.erase(COMMAND_LINE, cases, cause)
    out.print(f"Erased {gone.cases} cases with {gone.cells} cells and {gone.pictures} pictures.")
    if gone.exported.pictures:
        out.print(f"{gone.exported.pictures} pictures left data folders that were exported.")
    for folder in gone.exported.unreachable:
        out.print(f"Not reached, and perhaps elsewhere: the exported folder {folder}.", markup=False)
    waiting = settings.retraining_dir.glob("*/store")
    trained = bundles_that_name(gone.images, (settings.model_dir, STORE, *waiting))
    if trained:
        out.print(f"Models made from some of them, which an erasure does not change: {', '.join(trained)}.")
    else:
        out.print("No model here names one of them among the cells it was made from.")


@contextmanager
def _erasure_service(settings: "Settings") -> "Iterator[ErasureService]":
    from app.clock import utc_now
    from app.database import Database, opened
    from app.erasure.erasure_list import ErasureList
    from app.erasure.service import ErasureService
    from app.image_store import ImageStore

    prepare_database(settings)
    with opened(settings.database) as engine:
        yield ErasureService(
            Database(engine), ImageStore(settings.image_dir), ErasureList(settings.erasure_list), utc_now
        )
