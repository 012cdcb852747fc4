"""What a case looks like as a whole, to one asker. Pure: from what they may see of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.cases.acquisition import AcquisitionProfile, ProfileCheck, check_profile
from app.cases.service import model_of
from app.cases.summary import (
    CalledShare,
    CorrectedShare,
    KnownShares,
    called_share,
    corrected_share,
    known_shares,
)
from app.inference.scorer import ModelRef
from app.reviews.agreement import AgreementTable
from app.reviews.service import is_judgeable
from app.reviews.standing import both_readings
from app.reviews.tables import Verdict
from app.reviews.view import CaseReading
from models.bundle import SubjectShare, TrainingAcquisition
from models.classifier import PredictionLabel

NOT_A_SHARE_OF_BLASTS: Final = (
    "These are counts of pictures that somebody chose and a model sorted. They are no blast percentage, and they "
    "say nothing about remission, relapse or residual disease."
)

_SAME_CLASS: Final = {
    Verdict.MALIGNANT_LYMPHOBLAST: PredictionLabel.MALIGNANT,
    Verdict.NORMAL_PRECURSOR: PredictionLabel.HEALTHY,
}


@dataclass(frozen=True)
class CaseSummary:
    """Counts over the cells that are neither refused nor voided. A blind asker gets their own verdicts alone.

    unreviewed: cells without a verdict that holds. model: the one most of the newest predictions are by; called,
    known, corrected are about it. machine: its label beside the verdict that holds, a verdict of the same class
    under the label's word. readers: first beside second reading, before adjudication; None until both are done.
    """

    blind: bool
    cells: int
    labels: Mapping[PredictionLabel, int]
    verdicts: Mapping[Verdict, int]
    unreviewed: int
    profile: ProfileCheck
    model: ModelRef | None = None
    called: CalledShare | None = None
    known: KnownShares | None = None
    corrected: CorrectedShare | None = None
    machine: AgreementTable | None = None
    readers: AgreementTable | None = None
    meaning: str = NOT_A_SHARE_OF_BLASTS


def usual_model(view: CaseReading) -> ModelRef | None:
    """The model that most of a case's newest predictions are by; None where there are none to be seen."""
    models = Counter(model_of(prediction) for prediction in view.predictions.values())
    return models.most_common(1)[0][0] if models else None


def summarise(
    view: CaseReading, subjects: Sequence[SubjectShare], training: TrainingAcquisition | None
) -> CaseSummary:
    """Sum a case up.

    Args:
        subjects, training: what the bundle of `usual_model` says of its subjects and of its pictures.
    """
    cells = [cell for cell in view.cells if is_judgeable(cell)]
    verdicts = Counter(view.verdicts[cell.id].verdict for cell in cells if cell.id in view.verdicts)
    profile = check_profile(AcquisitionProfile.of(view.case.acquisition), training)
    model = usual_model(view)
    if model is None:
        unreviewed = len(cells) - verdicts.total()
        return CaseSummary(view.blind, len(cells), {}, verdicts, unreviewed, profile)
    predictions = {cell.id: view.predictions[cell.id] for cell in cells if cell.id in view.predictions}
    called = called_share(
        [
            row.p_malignant
            for row in predictions.values()
            if row.p_malignant is not None and model_of(row) == model
        ]
    )
    return CaseSummary(
        blind=view.blind,
        cells=len(cells),
        labels=Counter(row.label for row in predictions.values()),
        verdicts=verdicts,
        unreviewed=len(cells) - verdicts.total(),
        profile=profile,
        model=model,
        called=called,
        known=known_shares(subjects),
        corrected=None if profile.reasons else corrected_share(called, subjects),
        machine=AgreementTable.of(
            (row.label, _SAME_CLASS.get(view.verdicts[cell_id].verdict, view.verdicts[cell_id].verdict))
            for cell_id, row in predictions.items()
            if cell_id in view.verdicts
        ),
        readers=AgreementTable.of(both_readings(view.settled.values())) if view.settled else None,
    )
