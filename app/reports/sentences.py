"""The words of every report: what values read like, and the sentences made of counts."""

from datetime import UTC, datetime
from typing import Final

from app.notice import INTENDED_USE
from app.reports.case_record import CaseRecord, ReportStatus
from app.reviews.tables import Verdict
from models.classifier import PredictionLabel

LABEL_WORDS: Final[dict[PredictionLabel, str]] = {
    PredictionLabel.MALIGNANT: "Malignant",
    PredictionLabel.HEALTHY: "Healthy",
    PredictionLabel.INDETERMINATE: "Indeterminate",
    PredictionLabel.NOT_ASSESSABLE: "Not assessable",
}

VERDICTS_IN_FULL: Final[dict[Verdict, str]] = {
    Verdict.MALIGNANT_LYMPHOBLAST: "Malignant lymphoblast",
    Verdict.NORMAL_PRECURSOR: "Normal B-lymphoid precursor",
    Verdict.UNCERTAIN: "Uncertain",
    Verdict.OTHER_OR_ARTEFACT: "Other cell or artefact",
}

REMARKS: Final[dict[str, str]] = {
    "looks_like_a_name": "This looks like a person's name. Use the laboratory's own numbers only.",
    "looks_like_a_record_number": "This looks like a patient's record number. Use the accession alone.",
    "looks_like_a_birth_date": "This looks like a date of birth. Leave it out.",
    "acquisition_profile_missing": "The case does not say how its pictures were taken, so the model places no cell of it.",
    "acquisition_unlike_training": "These pictures were taken in another way than those the model learned from.",
    "inside_indeterminate_band": "The probability lies inside the indeterminate band of this model.",
    "unlike_training_cells": "The model has not learned from cells like this one, so its probabilities mean little.",
    "jpeg_artefacts_possible": "The file is a JPEG. Compression changes the texture the model reads.",
    "cell_touches_the_frame": "The cell touches the frame of the picture, so a part of it may be missing.",
    "several_separate_parts": "There are several separate parts. The model expects one cell.",
    "both_labels_possible": "The model rules out neither class at the error rates it was fitted to.",
    "no_label_possible": "The model rules out both classes at the error rates it was fitted to.",
    "no_cell": "What is in the picture is far too small to be a cell.",
    "size_outside_training_range": "The cell is smaller or larger than those the model learned from. Check the magnification.",
    "several_cells_or_not_segmented": "The outline is not that of one cell: several cells, or a segmentation that went astray.",
    "cell_cut_by_the_frame": "The frame of the picture cuts the cell. Cut the picture around its middle.",
    "cell_outside_the_crop": "A part of the cell lies outside what the model sees.",
    "out_of_focus": "The picture is softer than those the model learned from.",
    "texture_outside_training_range": "The picture is noisier or harder sharpened than those the model learned from.",
    "under_exposed": "The picture is darker than those the model learned from.",
    "over_exposed": "The picture is brighter than those the model learned from.",
    "stain_outside_training_range": "The stain has another colour than the one the model learned from.",
    "jpeg_artefacts": "Strong JPEG blocks are in the picture. They change the texture the model reads.",
    "outline_fades": "The cell fades into the background: blurred, or scaled after its segmentation.",
    "background_not_black": "The background is not quite black around the cell.",
}


def remark(code: str) -> str:
    """A reason or quality remark in a sentence."""
    return REMARKS.get(code, code.replace("_", " ").capitalize() + ".")


def in_words(value: PredictionLabel | Verdict) -> str:
    return VERDICTS_IN_FULL[value] if isinstance(value, Verdict) else LABEL_WORDS[value]


def probability(value: float) -> str:
    """0..1 with three decimals; never rounded to a full 0 or 1 that the model did not say."""
    if 0.0 < value < 0.0005:
        return "< 0.001"
    if 0.9995 <= value < 1.0:
        return "> 0.999"
    return f"{value:.3f}"


def status_sentence(record: CaseRecord) -> str:
    """What the status means to somebody who holds this version in the hand."""
    match record.status:
        case ReportStatus.PRELIMINARY if record.sign_offs and record.sign_offs[-1].kind == "amend":
            return f"Preliminary: opened again to be amended; version {record.version} no longer holds."
        case ReportStatus.PRELIMINARY if record.sign_offs:
            return "Preliminary: signed by a person, but not released as a final result."
        case ReportStatus.PRELIMINARY:
            return "Preliminary: nobody has signed this. It may change."
        case ReportStatus.FINAL:
            return "Final: signed by a person."
        case ReportStatus.AMENDED:
            return "Amended: signed again by a person. It replaces every earlier version."
        case ReportStatus.RETRACTED:
            return "Retracted: what was sent under this number is wrong and must not be used."


def in_utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def conclusion(record: CaseRecord) -> str:
    """The case in three sentences: counts of cells, and no word about the person they came from."""
    judged = ", ".join(f"{in_words(verdict)} {count}" for verdict, count in record.verdict_counts.items())
    said = [f"{len(record.cells)} cells. Verdicts of persons: {judged}, none {record.without_verdict}."]
    if not record.blinded:
        labels = ", ".join(f"{in_words(label)} {count}" for label, count in record.label_counts.items())
        said.append(f"Labels by the model: {labels}, none {record.without_prediction}.")
    return " ".join([*said, status_sentence(record), INTENDED_USE])
