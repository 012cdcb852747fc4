"""The codes that messages carry.

Public codes only where their meaning is verified and is ours. There is none for "a model called this cell
malignant", and a code for the disease or for a percentage of blasts would say what nobody has found; so the
findings have codes of our own.
"""

from dataclasses import dataclass
from typing import Final

from app.reports.case_record import CaseRecord
from app.reports.sentences import in_words
from app.reviews.tables import Verdict
from models.classifier import PredictionLabel

LOCAL_OID: Final = "2.25.54084556492357780466169069188265243660"
"""Root of our own codes and identifiers, made from a UUID as X.667 allows everybody."""

LOCAL_SYSTEM: Final = f"urn:oid:{LOCAL_OID}"
DIGESTS: Final = f"{LOCAL_SYSTEM}.1"
"""Identifiers that are a SHA-256 in hex."""

LOCAL_SCHEME: Final = "99LEUKOLENS"
"""What HL7 v2 and DICOM call the same system."""


@dataclass(frozen=True)
class Code:
    """A code with the words that go with it."""

    value: str
    display: str
    system: str = LOCAL_SYSTEM


REPORT: Final = Code("report", "Report on the cells of a case (research use)")
NOTICE: Final = Code("notice", "Notice")
STATUS: Final = Code("status", "Status")
RECORD: Final = Code("record", "SHA-256 of the case record")
CONCLUSION: Final = Code("conclusion", "Counts in words")
CASE: Final = Code("case", "Cells of a case")
CELL_LABEL: Final = Code("cell.label", "Label by the model")
P_MALIGNANT: Final = Code("cell.p_malignant", "Probability malignant")
P_HEALTHY: Final = Code("cell.p_healthy", "Probability healthy")
REASON: Final = Code("cell.reason", "Why the model settled on no class")
CELL_VERDICT: Final = Code("cell.verdict", "Verdict of a person")
READING: Final = Code("cell.reading", "Reading that the verdict belongs to")
BULK: Final = Code("cell.bulk", "Given to many cells at once")

CELLS: Final = Code("cells", "Cells that count")
UNPREDICTED: Final = Code("cells.unpredicted", "Cells without a prediction")
UNJUDGED: Final = Code("cells.unjudged", "Cells without a verdict")
READ_TWICE: Final = Code("cells.read_twice", "Cells with two independent verdicts")
READ_ALIKE: Final = Code("cells.read_alike", "Cells with two independent verdicts that agree")
VOIDED: Final = Code("cells.voided", "Voided cells")
REFUSED: Final = Code("files.refused", "Refused files")

LABELS: Final = {label: Code(label.value, f"{in_words(label)} (model)") for label in PredictionLabel}
VERDICTS: Final = {verdict: Code(verdict.value, in_words(verdict)) for verdict in Verdict}
PREDICTED: Final = {
    label: Code(f"cells.predicted.{label.value}", f"Cells the model calls {in_words(label).lower()}")
    for label in PredictionLabel
}
JUDGED: Final = {
    verdict: Code(f"cells.judged.{verdict.value}", f"Cells a person calls {in_words(verdict)}")
    for verdict in Verdict
}


def counts(record: CaseRecord) -> dict[Code, int]:
    """Every number a report tells of the whole case, in the order of telling."""
    told = {CELLS: len(record.cells)}
    if not record.blinded:
        told |= {PREDICTED[label]: count for label, count in record.label_counts.items()}
        told[UNPREDICTED] = record.without_prediction
    told |= {JUDGED[verdict]: count for verdict, count in record.verdict_counts.items()}
    told |= {UNJUDGED: record.without_verdict, REFUSED: record.refused, VOIDED: record.voided}
    if record.agreement is not None:
        told |= {READ_TWICE: record.agreement.both, READ_ALIKE: record.agreement.agreeing}
    return told


LABORATORY: Final = Code("LAB", "Laboratory", "http://terminology.hl7.org/CodeSystem/v2-0074")
AI_ASSERTED: Final = Code(
    "AIAST",
    "Artificial Intelligence asserted",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
)

_INTERPRETATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
INTERPRETATIONS: Final[dict[PredictionLabel, Code]] = {
    PredictionLabel.MALIGNANT: Code("A", "Abnormal", _INTERPRETATION),
    PredictionLabel.HEALTHY: Code("N", "Normal", _INTERPRETATION),
    PredictionLabel.INDETERMINATE: Code("IND", "Indeterminate", _INTERPRETATION),
}
"""About one cell. A cell that cannot be assessed has none."""

_IDENTIFIER: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
ACCESSION: Final = Code("ACSN", "Accession ID", _IDENTIFIER)
PLACER: Final = Code("PLAC", "Placer Identifier", _IDENTIFIER)
FILLER: Final = Code("FILL", "Filler Identifier", _IDENTIFIER)

_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
AUTHOR: Final = Code("author", "Author", _PARTICIPANT)
VERIFIER: Final = Code("verifier", "Verifier", _PARTICIPANT)
