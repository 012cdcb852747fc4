"""A folder of cells to an answer file, begun or gone on with."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from app.bulk.answer_file import Row, open_answer_file
from app.bulk.folder import image_names
from app.bulk.local import model_of, score_files
from app.errors import BadRequest, EngineUnavailable
from models.bundle import Bundle, read_bundle
from models.classifier import Classifier
from models.engines import EngineName, open_engine

RowStream = Generator[Row, None, None]
Rows = Callable[[Path, Iterator[str], Bundle], RowStream]
"""(folder, names, verified bundle) -> one row per name, in order."""


@dataclass(frozen=True)
class Progress:
    """images: below the folder. kept: rows that were there before. scored, refused: rows added by this run."""

    images: int
    kept: int
    scored: int = 0
    refused: int = 0
    repaired: bool = False


def score_folder(
    folder: Path, out: Path, bundle_folder: Path, rows: Rows, on_progress: Callable[[Progress], None]
) -> Progress:
    """Give every image file below a folder a row in `out`; rows that are there already are kept and skipped.

    Rows come in sorted order; files that joined the folder since an earlier run come after its rows.

    Args:
        rows: what computes, `local_rows` or `cluster_rows`.
        on_progress: called at the start and after every row.

    Raises:
        BundleRefused, EngineUnavailable, EngineDisagrees. BadRequest: there is no image file below the folder,
        or a path cannot be used. Conflict: `out` is another model's or another run's. StorageFull.
    """
    bundle = read_bundle(bundle_folder)
    if next(image_names(folder), None) is None:
        raise BadRequest(f"Expected image files below {folder}, found none.")
    with open_answer_file(out, model_of(bundle)) as answers:
        there = [answers.has(name) for name in image_names(folder)]
        progress = Progress(images=len(there), kept=sum(there), repaired=answers.repaired)
        on_progress(progress)
        if all(there):
            return progress
        names = (name for name in image_names(folder) if not answers.has(name))
        with closing(rows(folder, names, bundle)) as computed:
            for row in computed:
                answers.add(row)
                progress = _after(progress, row)
                on_progress(progress)
    return progress


def local_rows(engine: EngineName) -> Rows:
    """Scoring in this process."""

    def rows(folder: Path, names: Iterator[str], bundle: Bundle) -> RowStream:
        yield from score_files(folder, names, Classifier(bundle, open_engine(bundle, engine)))

    return rows


def cluster_rows(bundle_folder: Path, engine: EngineName, address: str) -> Rows:
    """Scoring on Ray: see `app.bulk.on_ray.ray_rows`.

    Raises:
        EngineUnavailable: Ray is not installed.
    """
    try:
        from app.bulk.on_ray import ray_rows
    except ModuleNotFoundError as missing:
        raise EngineUnavailable("--cluster needs Ray: install the extra `cluster`.") from missing
    return ray_rows(bundle_folder, engine, address)


def _after(progress: Progress, row: Row) -> Progress:
    if row["error_code"]:
        return replace(progress, refused=progress.refused + 1)
    return replace(progress, scored=progress.scored + 1)
