"""Files to predictions without server or database: `leukolens classify`, and the pieces `score` is made of."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import FileRefused, LeukolensError
from models.classifier import CellOutput, Classifier
from models.decoding import MAX_IMAGE_BYTES, decode_cell
from models.engines import EngineName
from models.measurements import ImageArray
from models.refusals import ImageRefused, RefusalCode

Answer = dict[str, Any]
"""`file`, `label`, `probabilities`, `reasons`, `prediction_set`, `quality`, `error`, as `classify --json` prints them."""


@dataclass(frozen=True)
class CellFile:
    """One file as it was read. image_sha256: of its bytes, empty when they could not be read whole.

    cell: (450, 450, 3) uint8 RGB, or why there is none.
    """

    image_sha256: str
    cell: ImageArray | ImageRefused


def classify_files(files: Sequence[Path], bundle_folder: Path, engine: EngineName) -> list[Answer]:
    """One answer per file, in input order.

    A refused file has an `error` of `code`, `title` and `detail`, and null for label and probabilities.
    """
    classifier = Classifier.open(bundle_folder, engine)
    decoded = [read_cell_file(file).cell for file in files]
    cells = [cell for cell in decoded if not isinstance(cell, ImageRefused)]
    outputs = iter(classifier.classify_many(cells))
    return [
        refused_answer(str(file), FileRefused(cell))
        if isinstance(cell, ImageRefused)
        else predicted_answer(str(file), next(outputs))
        for file, cell in zip(files, decoded, strict=True)
    ]


def read_cell_file(file: Path) -> CellFile:
    """Read and decode one file in this process: for the operator's own files, never for uploads."""
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_IMAGE_BYTES + 1)
    except OSError as missing:
        detail = f"The file could not be opened: {missing.strerror}."
        return CellFile("", ImageRefused(RefusalCode.IMAGE_UNREADABLE, detail))
    whole = len(data) <= MAX_IMAGE_BYTES
    digest = hashlib.sha256(data).hexdigest() if whole else ""
    try:
        return CellFile(digest, decode_cell(data).pixels)
    except ImageRefused as refusal:
        return CellFile(digest, refusal)


def refused_answer(file: str, error: LeukolensError) -> Answer:
    """The answer for a file without a prediction."""
    return {
        "file": file,
        "label": None,
        "probabilities": None,
        "reasons": [],
        "prediction_set": None,
        "quality": None,
        "error": {"code": error.code, "title": error.title, "detail": error.detail},
    }


def predicted_answer(file: str, output: CellOutput) -> Answer:
    """The answer for a file with a prediction."""
    return {
        "file": file,
        "label": output.label.value,
        "probabilities": _probabilities(output),
        "reasons": list(output.reasons),
        "prediction_set": None if output.prediction_set is None else list(output.prediction_set),
        "quality": {"level": output.quality.level.value, "reasons": list(output.quality.reasons)},
        "error": None,
    }


def _probabilities(output: CellOutput) -> dict[str, float] | None:
    if output.p_malignant is None:
        return None
    return {"malignant": output.p_malignant, "healthy": 1.0 - output.p_malignant}
