"""The closed vocabularies that pages show, and the words a reader sees for each value."""

from enum import StrEnum
from typing import Final, NamedTuple

from app.accounts.permissions import Role
from app.cases.tables import CaseState, CellState, Reuse
from app.outbox.states import MessageState
from app.reports.sentences import LABEL_WORDS, VERDICTS_IN_FULL, remark
from app.retraining.tables import GateVerdict
from app.reviews.tables import Reading
from app.reviews.tables import Verdict as VerdictKind
from app.sign_off.pre_checks import Check
from app.sign_off.tables import SignOffKind
from models.classifier import PredictionLabel

__all__ = [
    "LABEL_WORDS",
    "CaseState",
    "CellState",
    "GateVerdict",
    "MessageState",
    "PredictionLabel",
    "Role",
    "VerdictKind",
    "remark",
]


class ModelState(StrEnum):
    """Where a bundle stands in the registry."""

    ACTIVE = "active"
    CANDIDATE = "candidate"
    RETIRED = "retired"


class Verification(StrEnum):
    """Whether the bytes of a bundle are the bytes its manifest names."""

    VERIFIED = "verified"
    NOT_CHECKED = "not_checked"
    FAILED = "failed"


class Tone(StrEnum):
    """How a message is coloured and which mark it gets."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    BAD = "bad"


LABEL_SENTENCES: Final[dict[PredictionLabel, str]] = {
    PredictionLabel.MALIGNANT: "To the model, this cell is more like the malignant B-lymphoblasts "
    "it learned from.",
    PredictionLabel.HEALTHY: "To the model, this cell is more like the normal B-lymphoid precursors "
    "it learned from.",
    PredictionLabel.INDETERMINATE: "The model does not place this cell in either class.",
    PredictionLabel.NOT_ASSESSABLE: "The model gives no probabilities for this picture.",
}


class VerdictWords(NamedTuple):
    """One verdict in words: in full, on a tile, and the key that gives it."""

    full: str
    short: str
    key: str


VERDICT_WORDS: Final[dict[VerdictKind, VerdictWords]] = {
    VerdictKind.MALIGNANT_LYMPHOBLAST: VerdictWords(
        VERDICTS_IN_FULL[VerdictKind.MALIGNANT_LYMPHOBLAST], "Lymphoblast", "M"
    ),
    VerdictKind.NORMAL_PRECURSOR: VerdictWords(
        VERDICTS_IN_FULL[VerdictKind.NORMAL_PRECURSOR], "Normal precursor", "H"
    ),
    VerdictKind.UNCERTAIN: VerdictWords(VERDICTS_IN_FULL[VerdictKind.UNCERTAIN], "Uncertain", "U"),
    VerdictKind.OTHER_OR_ARTEFACT: VerdictWords(
        VERDICTS_IN_FULL[VerdictKind.OTHER_OR_ARTEFACT], "Other or artefact", "X"
    ),
}

CASE_STATE_WORDS: Final[dict[CaseState, str]] = {
    CaseState.OPEN: "Open",
    CaseState.SCORED: "Scored",
    CaseState.IN_REVIEW: "In review",
    CaseState.SIGNED: "Signed",
    CaseState.AMENDED: "Amended and signed",
    CaseState.RETRACTED: "Retracted",
}

READING_WORDS: Final[dict[Reading, str]] = {
    Reading.FIRST: "first reading",
    Reading.SECOND: "second reading, blinded",
    Reading.ADJUDICATION: "adjudication",
}

SIGN_OFF_WORDS: Final[dict[SignOffKind, str]] = {
    SignOffKind.SIGN: "Signed",
    SignOffKind.AMEND: "Opened again",
    SignOffKind.RETRACT: "Retracted",
}

CHECK_WORDS: Final[dict[Check, str]] = {
    Check.NO_CELLS: "There is no cell in this case.",
    Check.UNFINISHED_SCORING: "{} still being scored.",
    Check.OPEN_SECOND_READING: "The second reading is not done.",
    Check.UNSETTLED_DISAGREEMENTS: "{} on which the two readers differ and nobody has decided.",
    Check.CELLS_WITHOUT_VERDICT: "{} without a verdict.",
    Check.INDETERMINATE_CELLS: "{} that the model does not place in a class.",
    Check.NOT_ASSESSABLE_CELLS: "{} not assessable.",
    Check.FAILED_CELLS: "{} could not be scored.",
    Check.REFUSED_IMAGES: "{} refused when uploaded.",
    Check.VOIDED_CELLS: "{} voided as misfiled.",
    Check.ACCESSION_MISSING: "The case has no accession.",
    Check.ACQUISITION_PROFILE_MISSING: "How the pictures were taken is not fully recorded.",
}
"""What stands out before signing; the braces are filled with how many cells it is about."""

REUSE_WORDS: Final[dict[Reuse, str]] = {
    Reuse.NONE: "No reuse",
    Reuse.LOCAL_TRAINING: "Training at this site",
    Reuse.SHAREABLE: "Training here and elsewhere",
}

ROLE_WORDS: Final[dict[Role, str]] = {Role.VIEWER: "Viewer", Role.REVIEWER: "Reviewer", Role.ADMIN: "Admin"}

MODEL_STATE_WORDS: Final[dict[ModelState, str]] = {
    ModelState.ACTIVE: "Active",
    ModelState.CANDIDATE: "Candidate",
    ModelState.RETIRED: "Retired",
}

GATE_WORDS: Final[dict[GateVerdict, str]] = {
    GateVerdict.PASSED: "Passed",
    GateVerdict.INCONCLUSIVE: "Open question",
    GateVerdict.REFUSED: "Refused",
}

VERIFICATION_WORDS: Final[dict[Verification, str]] = {
    Verification.VERIFIED: "Every byte verified",
    Verification.NOT_CHECKED: "Not checked yet",
    Verification.FAILED: "Verification failed",
}

MESSAGE_STATE_WORDS: Final[dict[MessageState, str]] = {
    MessageState.WAITING: "Waiting",
    MessageState.SENT: "Sent",
    MessageState.DEAD: "Given up",
}

DONE_WORDS: Final[dict[str, str]] = {
    "account-added": "The account is there. Tell the person the first password, best by word of mouth.",
    "role-set": "The role is set. The person has to sign in again.",
    "account-disabled": "The account is disabled and every session of it has ended.",
    "key-revoked": "The key is revoked: from now on it opens nothing.",
    "session-ended": "The session has ended.",
    "site-added": "The site is there.",
    "message-queued": "The message is queued again.",
}
"""What a change that led to a page has done, by the word that its address carries after `done=`."""

_TRY_AGAIN: Final = "Wait a moment, then try again. Nothing that was shown as saved is lost."

WHAT_TO_DO: Final[dict[str, str]] = {
    "image_unreadable": "Open the file in an image viewer. If it opens there, save it as PNG and send that.",
    "image_wrong_size": "Upload the 450x450 crop of one cell, not the whole field and not a resized copy.",
    "image_not_segmented": "Segment the cell first: every pixel outside the cell must be black.",
    "image_empty": "The picture is black throughout. Check what the segmentation wrote.",
    "payload_too_large": "Save the 450x450 cell as PNG: that stays well under the limit.",
    "unsupported_media_type": "Upload BMP, PNG, TIFF, lossless WebP, JPEG or uncompressed DICOM. The file name does not count.",
    "method_not_allowed": "Go back to the page you came from and use its buttons.",
    "not_authenticated": "Sign in, then open this page again.",
    "not_allowed": "Ask an admin of your site if you need this. Your role does not include it.",
    "not_found": "Check the address, or look the case up in the list.",
    "conflict": "Someone changed this in the meantime. Reload, look at what is there now, then decide.",
    "rate_limited": _TRY_AGAIN,
    "overloaded": _TRY_AGAIN,
    "database_unavailable": _TRY_AGAIN,
    "storage_full": "Tell your admin: the server has no room left for pictures. Nothing was stored.",
    "idempotency_key_reused": "Reload the page and upload again.",
}


def what_to_do(code: str) -> str:
    """The next step for a reader who met the problem `code`."""
    return WHAT_TO_DO.get(
        code, "Go back and try once more. If it happens again, give your admin the code below."
    )


REFUSAL_TITLES: Final[dict[str, str]] = {
    "image_unreadable": "The file cannot be read",
    "image_wrong_size": "Another size than expected",
    "image_not_segmented": "No black background",
    "image_empty": "No cell in the picture",
    "payload_too_large": "The file is too large",
    "unsupported_media_type": "Not an accepted image format",
}


def refusal_title(code: str) -> str:
    """Why a file was refused, in a few words."""
    return REFUSAL_TITLES.get(code, "Refused")
