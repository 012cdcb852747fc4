"""The pages of a case beside its gallery: its details, its summary, its signatures."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.web.page_contexts.accounts import FieldError
from app.web.page_contexts.gallery import Choice
from app.web.page_contexts.shared import CaseRef, Context, VerdictCounts
from app.web.words import PredictionLabel, Tone, VerdictKind


@dataclass(frozen=True)
class TextField:
    """One field of a form that takes a text; `kind` is the input's type."""

    name: str
    words: str
    value: str
    help: str = ""
    kind: str = "text"
    max_length: int = 64


@dataclass(frozen=True)
class ChoiceField:
    """One field of a form that takes one of a few values."""

    name: str
    words: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Permitted:
    """What the cells of a case may be used for since somebody said so, and what that rests on."""

    words: str
    basis: str
    author: str
    at: datetime


@dataclass(frozen=True)
class DetailsPage(Context):
    """`/cases/{id}/details`: what people enter about a case. `warnings` hold the profile against the training data.

    `blocked` says why nothing can be changed; `version` travels back with each form.
    """

    template: ClassVar[str] = "details.html"
    case: CaseRef
    version: int
    names: tuple[TextField, ...]
    profile: tuple[TextField | ChoiceField, ...]
    notes: str
    second_read: bool
    reuse: tuple[Choice, ...]
    reuse_history: tuple[Permitted, ...]
    warnings: tuple[str, ...]
    errors: tuple[FieldError, ...] = ()
    conflict: str | None = None
    blocked: str | None = None
    saved: bool = False


@dataclass(frozen=True)
class LabelShare:
    """How many cells carry a label; the share is of the assessable ones."""

    label: PredictionLabel
    count: int
    share: float | None


@dataclass(frozen=True)
class Called:
    """The share of assessable cells called malignant, beside those of people all of whose cells are of one class.

    `healthy` and `malignant` are shares, one a person, lowest first; empty where the bundle does not say them.
    """

    called: int
    assessable: int
    share: float
    healthy: tuple[float, ...]
    malignant: tuple[float, ...]


@dataclass(frozen=True)
class CorrectedShare:
    """An exploratory share of malignant cells, with its interval; or `hidden`, the reason why it is not shown."""

    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    hidden: str = ""


@dataclass(frozen=True)
class Figures:
    """The figures of a case: `agreeing` of the `compared` cells got the same class from model and person."""

    labels: tuple[LabelShare, ...]
    called: Called | None
    corrected: CorrectedShare
    verdicts: VerdictCounts
    cells: int
    agreeing: int
    compared: int
    meaning: str


@dataclass(frozen=True)
class AgreementRow:
    """How often the second reader said what, where the first one said this."""

    first: VerdictKind
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Agreement:
    """Two readings of the same cells before adjudication. `kappa_note` says the kappa across cases, or why there is none."""

    rows: tuple[AgreementRow, ...]
    both: int
    agreeing: int
    settled: int
    kappa_note: str


@dataclass(frozen=True)
class CheckLine:
    """One thing that stands out before signing."""

    tone: Tone
    words: str


@dataclass(frozen=True)
class Signature:
    """One act of a person who signed in again for it."""

    number: int
    words: str
    meaning: str
    reason: str
    author: str
    at: datetime
    counted: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignForm:
    """One act to sign: `kind` travels with the form; `reason_words` is empty where no reason is asked for."""

    kind: str
    title: str
    meaning: str
    button: str
    reason_words: str = ""


@dataclass(frozen=True)
class SignOffPage(Context):
    """`/cases/{id}/sign-off`: what a signature would stand for, the checks before it, and the signatures so far.

    `open_amendment` is the reason why a signed case is open again. `blocked` says why this visitor cannot sign.
    """

    template: ClassVar[str] = "sign_off.html"
    case: CaseRef
    version: int
    signer: str
    figures: Figures | None
    agreement: Agreement | None
    profile: tuple[tuple[str, str], ...]
    profile_warnings: tuple[str, ...]
    checks: tuple[CheckLine, ...]
    forms: tuple[SignForm, ...]
    signatures: tuple[Signature, ...]
    open_amendment: str | None = None
    blocked: str | None = None
    error: str | None = None
