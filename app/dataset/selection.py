"""Which reviewed cells may be trained on, and why the others may not. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.cases.tables import CaseState, Reuse
from app.dataset.limits import CELLS_A_READER
from app.reviews.standing import CellVerdicts
from app.reviews.tables import Review, Verdict
from models.labels import Label

_LABELS: Final = {
    Verdict.MALIGNANT_LYMPHOBLAST: Label.MALIGNANT,
    Verdict.NORMAL_PRECURSOR: Label.HEALTHY,
}


class LeftOut(StrEnum):
    """Why a cell is not in the folder; the first reason that holds is counted."""

    NO_CELL = "refused or voided"
    DRAWN = "of a drawn sample case"
    RETRACTED = "of a retracted case"
    NOT_PERMITTED = "of a case that does not permit it"
    NO_SUBJECT = "of a case without a subject"
    NOT_READ_BLIND = "without a finished blinded second reading"
    DISPUTED = "on which the readers disagree and nobody settled it"
    IN_BULK = "judged in bulk, so not looked at one by one"
    NO_CLASS = "uncertain, another cell or an artefact"
    CONTRADICTED = "with the same picture under another subject or class"
    REPEATED = "with a picture that is there already"
    READER_IS_FULL = "beyond the share of one reader"


@dataclass(frozen=True)
class StoredCell:
    """A cell of the case log as far as it matters here. reuse: what the newest permission of its case says.

    read_blind: both readings of its case are finished.
    """

    cell_id: UUID
    image_sha256: str
    pixels_sha256: str | None
    voided: bool
    drawn: bool
    case_state: CaseState
    subject_ref: str | None
    reuse: Reuse
    read_blind: bool


@dataclass(frozen=True)
class LabelledCell:
    """A cell with an independent label. readers: on whose word it rests."""

    image_sha256: str
    pixels_sha256: str
    subject_ref: str
    label: Label
    readers: frozenset[UUID]


@dataclass(frozen=True)
class Selection:
    """cells: in an order that says nothing of cases. left_out: how many cells, by reason."""

    cells: tuple[LabelledCell, ...]
    left_out: Counter[LeftOut]


def refused_for(cell: StoredCell, permitted: frozenset[Reuse]) -> LeftOut | None:
    """Why a cell may not be used whatever was said of it; None when it may."""
    hindrances = {
        LeftOut.NO_CELL: cell.voided or cell.pixels_sha256 is None,
        LeftOut.DRAWN: cell.drawn,
        LeftOut.RETRACTED: cell.case_state is CaseState.RETRACTED,
        LeftOut.NOT_PERMITTED: cell.reuse not in permitted,
        LeftOut.NO_SUBJECT: not cell.subject_ref,
        LeftOut.NOT_READ_BLIND: not cell.read_blind,
    }
    return next((reason for reason, holds in hindrances.items() if holds), None)


def labelled(cell: StoredCell, verdicts: CellVerdicts) -> LabelledCell | LeftOut:
    """The label of a cell that may be used: of an adjudication, or of two readers who agree, one of them blind."""
    words = _independent(verdicts)
    if not words:
        return LeftOut.DISPUTED if verdicts.disagree else LeftOut.NOT_READ_BLIND
    if any(word.bulk for word in words):
        return LeftOut.IN_BULK
    label = _LABELS.get(words[0].verdict)
    if label is None:
        return LeftOut.NO_CLASS
    assert cell.pixels_sha256 is not None
    assert cell.subject_ref is not None
    return LabelledCell(
        cell.image_sha256,
        cell.pixels_sha256,
        cell.subject_ref,
        label,
        frozenset(word.author_id for word in words),
    )


def selected(cells: Iterable[LabelledCell], *, cells_a_reader: int = CELLS_A_READER) -> Selection:
    """Each picture once, one that contradicts itself not at all, and no reader beyond the cap.

    By digest, so that the cap takes cells from everywhere and two folders of the same cells are the same.
    """
    ordered = sorted(cells, key=lambda cell: (cell.pixels_sha256, cell.image_sha256))
    said: dict[str, set[tuple[str, Label]]] = {}
    for cell in ordered:
        said.setdefault(cell.pixels_sha256, set()).add((cell.subject_ref, cell.label))
    chosen: dict[str, LabelledCell] = {}
    words: Counter[UUID] = Counter()
    left_out: Counter[LeftOut] = Counter()
    for cell in ordered:
        if len(said[cell.pixels_sha256]) > 1:
            left_out[LeftOut.CONTRADICTED] += 1
        elif cell.pixels_sha256 in chosen:
            left_out[LeftOut.REPEATED] += 1
        elif any(words[reader] >= cells_a_reader for reader in cell.readers):
            left_out[LeftOut.READER_IS_FULL] += 1
        else:
            chosen[cell.pixels_sha256] = cell
            words.update(cell.readers)
    return Selection(tuple(chosen.values()), left_out)


def _independent(verdicts: CellVerdicts) -> Sequence[Review]:
    """The verdicts a label rests on; none where there is no independent one."""
    if verdicts.adjudication is not None:
        return [verdicts.adjudication]
    if verdicts.first is None or verdicts.second is None or verdicts.disagree:
        return []
    return [verdicts.first, verdicts.second]
