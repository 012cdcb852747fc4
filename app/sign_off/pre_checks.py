"""What a person should know of a case before signing it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.cases.acquisition import AcquisitionProfile, check_profile
from app.cases.repository import CaseCounts
from app.cases.tables import Case
from models.classifier import PredictionLabel


class Check(StrEnum):
    """What may stand out; see `BLOCKING`."""

    NO_CELLS = "no_cells"
    UNFINISHED_SCORING = "unfinished_scoring"
    OPEN_SECOND_READING = "open_second_reading"
    UNSETTLED_DISAGREEMENTS = "unsettled_disagreements"
    CELLS_WITHOUT_VERDICT = "cells_without_verdict"
    INDETERMINATE_CELLS = "indeterminate_cells"
    NOT_ASSESSABLE_CELLS = "not_assessable_cells"
    FAILED_CELLS = "failed_cells"
    REFUSED_IMAGES = "refused_images"
    VOIDED_CELLS = "voided_cells"
    ACCESSION_MISSING = "accession_missing"
    ACQUISITION_PROFILE_MISSING = "acquisition_profile_missing"


BLOCKING = frozenset(
    {Check.NO_CELLS, Check.UNFINISHED_SCORING, Check.OPEN_SECOND_READING, Check.UNSETTLED_DISAGREEMENTS}
)
"""With one of these a case cannot be signed; the others are counted in the signature and on the report."""


@dataclass(frozen=True)
class Finding:
    """One thing that stands out, and how often."""

    check: Check
    count: int

    @property
    def blocks(self) -> bool:
        return self.check in BLOCKING


def findings(
    case: Case,
    counts: CaseCounts,
    labels: Mapping[PredictionLabel, int],
    *,
    without_verdict: int,
    unsettled: int,
    reading_is_open: bool,
) -> tuple[Finding, ...]:
    """What stands out, blocking ones first.

    Args:
        without_verdict, unsettled: cells that nobody judged, and those where two readers disagree and nobody settled it.
    """
    lacking = check_profile(AcquisitionProfile.of(case.acquisition), None).missing
    found = {
        Check.NO_CELLS: counts.cells == counts.refused,
        Check.UNFINISHED_SCORING: counts.stored,
        Check.OPEN_SECOND_READING: reading_is_open,
        Check.UNSETTLED_DISAGREEMENTS: unsettled,
        Check.CELLS_WITHOUT_VERDICT: without_verdict,
        Check.INDETERMINATE_CELLS: labels.get(PredictionLabel.INDETERMINATE, 0),
        Check.NOT_ASSESSABLE_CELLS: labels.get(PredictionLabel.NOT_ASSESSABLE, 0),
        Check.FAILED_CELLS: counts.failed,
        Check.REFUSED_IMAGES: counts.refused,
        Check.VOIDED_CELLS: counts.voided,
        Check.ACCESSION_MISSING: case.accession is None,
        Check.ACQUISITION_PROFILE_MISSING: len(lacking),
    }
    return tuple(Finding(check, int(count)) for check, count in found.items() if count)
