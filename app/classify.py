"""`leukolens classify`: files to predictions, without server or database."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.errors import FileRefused
from models.classifier import CellOutput, Classifier
from models.decoding import MAX_IMAGE_BYTES, decode_cell
from models.engines import EngineName
from models.measurements import ImageArray
from models.refusals import ImageRefused, RefusalCode


def classify_files(files: Sequence[Path], bundle_folder: Path, engine: EngineName) -> list[dict[str, Any]]:
    """One answer per file, in input order: `file`, `label`, `probabilities`, `reasons`, `error`.

    A refused file has an `error` of `code`, `title` and `detail`, and null for label and probabilities.
    """
    classifier = Classifier.open(bundle_folder, engine)
    decoded = [_decode(file) for file in files]
    cells = [cell for cell in decoded if not isinstance(cell, ImageRefused)]
    outputs = iter(classifier.classify_many(cells))
    return [
        _refused(file, cell) if isinstance(cell, ImageRefused) else _predicted(file, next(outputs))
        for file, cell in zip(files, decoded, strict=True)
    ]


def _decode(file: Path) -> ImageArray | ImageRefused:
    try:
        with file.open("rb") as opened:
            return decode_cell(opened.read(MAX_IMAGE_BYTES + 1)).pixels
    except ImageRefused as refusal:
        return refusal
    except OSError as missing:
        return ImageRefused(
            RefusalCode.IMAGE_UNREADABLE, f"The file could not be opened: {missing.strerror}."
        )


def _refused(file: Path, refusal: ImageRefused) -> dict[str, Any]:
    error = FileRefused(refusal)
    return {
        "file": str(file),
        "label": None,
        "probabilities": None,
        "reasons": [],
        "error": {"code": error.code, "title": error.title, "detail": error.detail},
    }


def _predicted(file: Path, output: CellOutput) -> dict[str, Any]:
    return {
        "file": str(file),
        "label": output.label.value,
        "probabilities": {"malignant": output.p_malignant, "healthy": output.p_healthy},
        "reasons": list(output.reasons),
        "error": None,
    }
