"""Rows of the case log to a case record. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final
from uuid import UUID

from app.accounts.tables import Site
from app.cases.acquisition import AcquisitionProfile
from app.cases.repository import CaseCounts
from app.cases.tables import Case, CaseState, Cell, Prediction
from app.reports.acquisition_words import profile_facts
from app.reports.case_record import (
    PROBABILITY_DECIMALS,
    AgreementRecord,
    CaseRecord,
    CellRecord,
    Fact,
    ModelRecord,
    PredictionRecord,
    ReportStatus,
    SignOffRecord,
    VerdictRecord,
)
from app.reviews.standing import CellVerdicts
from app.reviews.tables import Review
from app.sign_off.tables import SignOff, SignOffKind

_STATUS: Final = {
    CaseState.SIGNED: ReportStatus.FINAL,
    CaseState.AMENDED: ReportStatus.AMENDED,
    CaseState.RETRACTED: ReportStatus.RETRACTED,
}
_SMALLEST: Final = 10.0**-PROBABILITY_DECIMALS


def assemble(
    case: Case,
    site: Site,
    cells: Sequence[Cell],
    counts: CaseCounts,
    predictions: Mapping[UUID, Prediction],
    verdicts: Mapping[UUID, CellVerdicts],
    sign_offs: Sequence[SignOff],
    now: datetime,
    *,
    blinded: bool = False,
) -> CaseRecord:
    """cells: those that count. predictions, verdicts: what the reader may see of them."""
    status = _STATUS.get(case.state, ReportStatus.PRELIMINARY)
    read = [verdicts[cell.id] for cell in cells if cell.id in verdicts]
    return CaseRecord(
        case_id=case.id,
        site_id=site.id,
        site=site.name,
        accession=case.accession,
        subject_ref=case.subject_ref,
        specimen_id=case.specimen_id,
        placer_order=case.placer_order,
        filler_order=case.filler_order,
        drawn=case.drawn,
        status=status,
        version=sum(act.kind is not SignOffKind.AMEND for act in sign_offs),
        opened_at=case.created_at,
        as_of=now if status is ReportStatus.PRELIMINARY else sign_offs[-1].created_at,
        acquisition=tuple(Fact(*said) for said in profile_facts(AcquisitionProfile.of(case.acquisition))),
        cells=tuple(
            _cell(cell, predictions.get(cell.id), verdicts.get(cell.id, CellVerdicts())) for cell in cells
        ),
        refused=counts.refused,
        voided=counts.voided,
        agreement=_agreement(read),
        sign_offs=tuple(_sign_off(act) for act in sign_offs),
        software=f"Leukolens {version('leukolens')}",
        blinded=blinded,
    )


def _cell(cell: Cell, prediction: Prediction | None, verdicts: CellVerdicts) -> CellRecord:
    assert cell.pixels_sha256 is not None, "a cell that counts has a picture"
    given = (verdicts.adjudication, verdicts.first, verdicts.second)
    final = verdicts.final
    return CellRecord(
        id=cell.id,
        position=cell.position,
        client_ref=cell.client_ref,
        image_sha256=cell.image_sha256,
        pixels_sha256=cell.pixels_sha256,
        quality=tuple(cell.quality or ()),
        prediction=_prediction(prediction) if prediction else None,
        verdict=_verdict(final) if final else None,
        other_verdicts=tuple(_verdict(each) for each in given if each is not None and each is not final),
    )


def _prediction(row: Prediction) -> PredictionRecord:
    return PredictionRecord(
        label=row.label,
        p_malignant=None if row.p_malignant is None else _told(row.p_malignant),
        reasons=tuple(row.reasons),
        model=ModelRecord(row.model_name, row.model_version, row.model_sha256),
        engine=row.engine,
        preprocessing_version=row.preprocessing_version,
        made_at=row.created_at,
    )


def _told(probability: float) -> float:
    """With six decimals, so that every form says the same; never a 0 or 1 that the model did not say."""
    if probability in (0.0, 1.0):
        return probability
    return min(max(round(probability, PROBABILITY_DECIMALS), _SMALLEST), 1.0 - _SMALLEST)


def _verdict(row: Review) -> VerdictRecord:
    return VerdictRecord(row.verdict, row.reading.value, row.bulk, row.note, row.author_name, row.created_at)


def _agreement(read: Sequence[CellVerdicts]) -> AgreementRecord | None:
    twice = [each for each in read if each.first is not None and each.second is not None]
    return AgreementRecord(len(twice), sum(not each.disagree for each in twice)) if twice else None


def _sign_off(row: SignOff) -> SignOffRecord:
    return SignOffRecord(row.number, row.kind.value, row.meaning, row.reason, row.author_name, row.created_at)
