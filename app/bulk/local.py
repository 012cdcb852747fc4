"""Scoring files in this process: readers ahead of as many engine streams as the engine has."""

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from app.bulk.answer_file import Row, row_of
from app.classify import Answer, CellFile, predicted_answer, read_cell_file, refused_answer
from app.errors import FileRefused, ScoreFailed
from app.inference.scorer import ModelRef
from models.bundle import Bundle
from models.classifier import Classifier
from models.measurements import ImageArray
from models.refusals import ImageRefused

AHEAD = 2
"""Batches in hand for each stream: one that computes and one that is being read."""


def score_files(
    folder: Path, names: Iterable[str], classifier: Classifier, streams: int | None = None
) -> Generator[Row, None, None]:
    """One row per name, in order; a file that cannot be scored gets a row that says so.

    Holds `AHEAD` batches of decoded cells for each stream (0.6 MB a cell), however many names there are.

    Args:
        names: relative to the folder.
        streams: engine calls at a time; as many as the engine has when not given.
    """
    streams = streams or classifier.engine.streams
    waiting: deque[Future[list[Row]]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as readers, ThreadPoolExecutor(streams) as engines:
        try:
            for batch in _batches(names, classifier.engine.batch):
                reads = [readers.submit(read_cell_file, folder / name) for name in batch]
                waiting.append(engines.submit(_rows, classifier, batch, reads))
                if len(waiting) >= AHEAD * streams:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            engines.shutdown(wait=False, cancel_futures=True)
            readers.shutdown(wait=False, cancel_futures=True)


def model_of(bundle: Bundle) -> ModelRef:
    """Which model a bundle is."""
    return ModelRef(bundle.manifest.name, bundle.manifest.version, bundle.sha256)


def _batches(names: Iterable[str], size: int) -> Iterator[list[str]]:
    remaining = iter(names)
    while batch := list(islice(remaining, size)):
        yield batch


def _rows(classifier: Classifier, names: list[str], reads: list[Future[CellFile]]) -> list[Row]:
    files = [read.result() for read in reads]
    cells = [file.cell for file in files if not isinstance(file.cell, ImageRefused)]
    answers = iter(_answers(classifier, cells))
    model = model_of(classifier.bundle)
    rows = []
    for name, file in zip(names, files, strict=True):
        if isinstance(file.cell, ImageRefused):
            answer = refused_answer(name, FileRefused(file.cell))
        else:
            answer = next(answers) | {"file": name}
        rows.append(row_of(file.image_sha256, answer, model))
    return rows


def _answers(classifier: Classifier, cells: Sequence[ImageArray]) -> list[Answer]:
    """Answers without file names; a cell that the network cannot score fails alone."""
    if not cells:
        return []
    try:
        return [predicted_answer("", output) for output in classifier.classify(cells)]
    except FloatingPointError as failed:
        if len(cells) == 1:
            return [refused_answer("", ScoreFailed(str(failed)))]
        return [answer for cell in cells for answer in _answers(classifier, [cell])]
