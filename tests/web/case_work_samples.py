"""Sample contexts of a case's details, summary and signatures."""

from dataclasses import replace
from datetime import timedelta

from app.cases.acquisition import AcquisitionProfile, CellSelection, Specimen, Stain
from app.cases.editing import CaseDetails
from app.reports.acquisition_words import profile_facts
from app.reviews.summary import NOT_A_SHARE_OF_BLASTS
from app.sign_off.pre_checks import Check, Finding
from app.sign_off.service import MEANING
from app.sign_off.tables import SignOffKind
from app.web import case_work_contexts as contexts
from app.web.page_contexts import (
    Agreement,
    AgreementRow,
    Called,
    CaseRef,
    Choice,
    CorrectedShare,
    DetailsPage,
    FieldError,
    Figures,
    LabelShare,
    Permitted,
    Signature,
    SignForm,
    SignOffPage,
    VerdictCounts,
)
from app.web.words import REUSE_WORDS, CaseState, PredictionLabel, VerdictKind
from tests.web.gallery_samples import CASE_ID, NOW

PROFILE = AcquisitionProfile(
    Specimen.BONE_MARROW_ASPIRATE, Stain.WRIGHT, 100, 0.16, "cellseg 2.1", CellSelection.CONSECUTIVE
)
DETAILS = CaseDetails("L-2026-0412", "S-0077", None, None, "ORD-1881", "Second tube.", PROFILE, True)
WARNING = (
    "Unlike the training cells: stain. The model has not been tested on such pictures, so it places no cell in "
    "a class."
)


def details_page() -> DetailsPage:
    return DetailsPage(
        case=CaseRef(CASE_ID, "L-2026-0412", CaseState.IN_REVIEW),
        version=7,
        names=contexts.name_fields(DETAILS),
        profile=contexts.profile_fields(PROFILE),
        notes=DETAILS.notes,
        second_read=True,
        reuse=tuple(Choice(each, words, False) for each, words in REUSE_WORDS.items()),
        reuse_history=(Permitted("Training at this site", "Consent form 118", "Dr. Ola Berg", NOW),),
        warnings=(WARNING,),
    )


def refused_details() -> DetailsPage:
    return replace(
        details_page(),
        errors=(FieldError("objective", "Expected an objective of 1 to 250, got 4000."),),
        conflict="You saw version 6 of this case; it is at version 7 now.",
    )


def closed_details() -> DetailsPage:
    return replace(
        details_page(), blocked="This case is signed. Amend it first to change its details.", saved=True
    )


def figures() -> Figures:
    return Figures(
        labels=(
            LabelShare(PredictionLabel.MALIGNANT, 118, 0.608),
            LabelShare(PredictionLabel.HEALTHY, 42, 0.216),
            LabelShare(PredictionLabel.INDETERMINATE, 34, 0.175),
            LabelShare(PredictionLabel.NOT_ASSESSABLE, 6, None),
        ),
        called=Called(
            131,
            194,
            0.675,
            tuple(0.02 + 0.019 * place for place in range(14)),
            tuple(0.62 + 0.0125 * place for place in range(29)),
        ),
        corrected=CorrectedShare(0.64, 0.49, 0.78),
        verdicts=VerdictCounts(121, 48, 17, 8, 6),
        cells=200,
        agreeing=151,
        compared=158,
        meaning=NOT_A_SHARE_OF_BLASTS,
    )


def agreement() -> Agreement:
    counts = ((112, 2, 6, 1), (3, 41, 3, 1), (5, 4, 8, 0), (0, 1, 0, 7))
    return Agreement(
        rows=tuple(AgreementRow(kind, row) for kind, row in zip(VerdictKind, counts, strict=True)),
        both=194,
        agreeing=168,
        settled=21,
        kappa_note="Kappa over 12 cases, before adjudication: 0.78 (0.71 to 0.84).",
    )


def sign_off_page() -> SignOffPage:
    found = (
        Finding(Check.UNSETTLED_DISAGREEMENTS, 5),
        Finding(Check.CELLS_WITHOUT_VERDICT, 1),
        Finding(Check.INDETERMINATE_CELLS, 34),
    )
    return SignOffPage(
        case=CaseRef(CASE_ID, "L-2026-0412", CaseState.IN_REVIEW),
        version=231,
        signer="Dr. Marta Lindqvist",
        figures=figures(),
        agreement=agreement(),
        profile=profile_facts(PROFILE),
        profile_warnings=(WARNING,),
        checks=contexts.check_lines(found),
        forms=(SignForm("sign", "Sign", MEANING[SignOffKind.SIGN], "Sign this case"),),
        signatures=(),
    )


def signed_page() -> SignOffPage:
    reason = "Cell 12 belongs to another patient."
    signatures = (
        Signature(2, "Opened again", MEANING[SignOffKind.AMEND], reason, "Dr. Ola Berg", NOW),
        Signature(
            1,
            "Signed",
            MEANING[SignOffKind.SIGN],
            "",
            "Dr. Marta Lindqvist",
            NOW - timedelta(days=3),
            ("6 cells without a verdict.",),
        ),
    )
    forms = (
        SignForm("amend", "Amend", MEANING[SignOffKind.AMEND], "Open it again", "What no longer holds"),
        SignForm(
            "retract", "Retract", MEANING[SignOffKind.RETRACT], "Retract for good", "Why it must not be used"
        ),
    )
    return replace(
        sign_off_page(),
        case=CaseRef(CASE_ID, "L-2026-0412", CaseState.SIGNED),
        figures=replace(
            figures(), corrected=CorrectedShare(hidden="Shown from 50 assessable cells on; here are 34.")
        ),
        agreement=None,
        checks=(),
        forms=forms,
        signatures=signatures,
        open_amendment=reason,
        error="The password is not the one of this account.",
    )


def blinded_sign_off() -> SignOffPage:
    return replace(
        sign_off_page(),
        figures=None,
        agreement=None,
        profile_warnings=(),
        checks=(),
        forms=(),
        blocked="You read this case blind. It can be signed when both readings are done.",
    )
