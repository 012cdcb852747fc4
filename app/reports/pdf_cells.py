"""The pages of cells: one row each, with its picture, the machine's word and the persons'."""

import io
from collections.abc import Callable
from typing import Final

from PIL import Image as Pillow
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image

from app.reports.case_record import CaseRecord, CellRecord, VerdictRecord
from app.reports.pdf_style import (
    BODY,
    HEAD,
    LABEL_COLOURS,
    SMALL,
    STRONG,
    WIDTH,
    Content,
    coloured,
    table,
    text,
)
from app.reports.sentences import in_utc, in_words, probability, remark
from models.measurements import BACKGROUND_MAX

SHOWN_MM: Final = 21
USUAL_REACH_PX: Final = 150
SHOWN_PX: Final = 250
"""300 dots an inch on paper; the full picture stays in the image store."""

Words = list[Flowable]
_READINGS: Final = {"first": "first reading", "second": "second reading"}


def cell_table(record: CaseRecord, picture: Callable[[str], bytes]) -> list[Flowable]:
    if not record.cells:
        return [text("No cells.")]
    head: list[Content] = [text(word, HEAD) for word in ("Cell", "Picture", "Model", "Person")]
    rows = [head, *(_row(cell, picture(cell.pixels_sha256)) for cell in record.cells)]
    rest = WIDTH - (12 + SHOWN_MM + 3) * mm
    return [
        table(rows, [12 * mm, (SHOWN_MM + 3) * mm, rest * 0.46, rest * 0.54]),
        text("Pictures are cut to the cell and reduced for this report.", SMALL),
    ]


def _row(cell: CellRecord, png: bytes) -> list[Content]:
    return [text(str(cell.position), STRONG), _shown(png), _machine(cell), _person(cell)]


def _shown(png: bytes) -> Flowable:
    with Pillow.open(io.BytesIO(png), formats=("PNG",)) as whole:
        small = whole.convert("RGB").resize(
            (SHOWN_PX, SHOWN_PX), Pillow.Resampling.LANCZOS, box=_around_the_cell(whole)
        )
    file = io.BytesIO()
    small.save(file, "JPEG", quality=92, subsampling=0)
    file.seek(0)
    return Image(file, SHOWN_MM * mm, SHOWN_MM * mm)


def _around_the_cell(whole: Pillow.Image) -> tuple[int, int, int, int]:
    """The middle of the picture, the same part for every cell but those that reach beyond it."""
    middle = whole.width // 2
    bright = whole.convert("L").point(lambda value: 255 * (value > BACKGROUND_MAX))
    left, top, right, bottom = bright.getbbox() or (middle, middle, middle, middle)
    reach = max(middle - left, middle - top, right - middle, bottom - middle, USUAL_REACH_PX)
    reach = min(reach, middle)
    return middle - reach, middle - reach, middle + reach, middle + reach


def _machine(cell: CellRecord) -> Words:
    said = cell.prediction
    if said is None:
        return [text("No label", SMALL), *_about_the_file(cell)]
    words: Words = [coloured(in_words(said.label), LABEL_COLOURS[said.label])]
    if said.p_malignant is not None and said.p_healthy is not None:
        words.append(
            text(f"malignant {probability(said.p_malignant)} · healthy {probability(said.p_healthy)}")
        )
    remarks = [remark(code) for code in said.reasons]
    return [*words, *(text(line, SMALL) for line in (*remarks, str(said.model))), *_about_the_file(cell)]


def _person(cell: CellRecord) -> Words:
    if cell.verdict is None:
        words: Words = [text("No verdict", SMALL)]
    else:
        words = [text(in_words(cell.verdict.verdict), STRONG), text(_given(cell.verdict), SMALL)]
        if cell.verdict.note:
            words.append(text(cell.verdict.note, BODY))
    others = [f"{in_words(other.verdict)}: {_given(other)}" for other in cell.other_verdicts]
    return [*words, *(text(line, SMALL) for line in others)]


def _given(verdict: VerdictRecord) -> str:
    """`first reading, A. Person, 2026-03-01 12:00 UTC, one of many given at once`."""
    said = [_READINGS.get(verdict.reading, verdict.reading), verdict.author, in_utc(verdict.given_at)]
    return ", ".join([*said, "given to many cells at once"] if verdict.bulk else said)


def _about_the_file(cell: CellRecord) -> Words:
    named = [f"Sender's name: {cell.client_ref}"] if cell.client_ref else []
    return [text(line, SMALL) for line in (*(remark(code) for code in cell.quality), *named)]
