"""The random sample of each case that agreement and calibration are read from. Pure.

Rates over the cells that somebody chose to look at first would say more of the choice than of the model. Which cells are
in the sample follows from a digest of their ids: nobody chose them, and everybody finds the same.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from app.monitoring.figures import MINIMUM_AUDITED, Calibration, Share
from app.monitoring.repository import Audited
from app.monitoring.statistics import share
from app.reviews.standing import standing
from app.reviews.tables import Review, Verdict
from models.classifier import PredictionLabel

CELLS_A_CASE = 5

MALIGNANT_BY_VERDICT = {Verdict.MALIGNANT_LYMPHOBLAST: True, Verdict.NORMAL_PRECURSOR: False}
"""The verdicts that name a class; uncertain and other cells are no error of the model."""


def sampled(cells: Iterable[Audited]) -> list[Audited]:
    """At most `CELLS_A_CASE` cells of each case."""
    by_case: dict[UUID, list[Audited]] = {}
    for cell in cells:
        by_case.setdefault(cell.case_id, []).append(cell)
    return [cell for own in by_case.values() for cell in sorted(own, key=_draw)[:CELLS_A_CASE]]


def verdicts_of(reviews: Iterable[Review]) -> dict[UUID, bool]:
    """Cell -> whether its blinded reader called it malignant; cells without a class are left out."""
    by_cell: dict[UUID, list[Review]] = {}
    for review in reviews:
        by_cell.setdefault(review.cell_id, []).append(review)
    held = {cell_id: standing(rows) for cell_id, rows in by_cell.items()}
    return {
        cell_id: MALIGNANT_BY_VERDICT[review.verdict]
        for cell_id, review in held.items()
        if review is not None and review.verdict in MALIGNANT_BY_VERDICT
    }


def overridden(cells: Sequence[Audited], malignant: Mapping[UUID, bool]) -> Share:
    """Cells with a class from both, where the reader named the other one."""
    called = {PredictionLabel.MALIGNANT: True, PredictionLabel.HEALTHY: False}
    both = [cell for cell in cells if cell.cell_id in malignant and cell.label in called]
    against = sum(called[cell.label] is not malignant[cell.cell_id] for cell in both)
    return share(against, len(both), least=MINIMUM_AUDITED)


def calibration(cells: Sequence[Audited], malignant: Mapping[UUID, bool]) -> Calibration:
    """Foretold and observed share of malignant cells."""
    both = [
        (cell.p_malignant, malignant[cell.cell_id])
        for cell in cells
        if cell.cell_id in malignant and cell.p_malignant is not None
    ]
    if len(both) < MINIMUM_AUDITED:
        return Calibration(len(both), None, None)
    foretold, observed = (sum(values) / len(both) for values in zip(*both, strict=True))
    return Calibration(len(both), foretold, observed)


def _draw(cell: Audited) -> bytes:
    return hashlib.sha256(cell.case_id.bytes + cell.cell_id.bytes).digest()
