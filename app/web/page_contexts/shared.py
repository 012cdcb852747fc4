"""What every page shares: the chrome around it, links to cases and models, messages."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from app.notice import INTENDED_USE, PERSON_DECIDES
from app.web.words import CaseState, Role, Tone


@dataclass(frozen=True)
class SignedIn:
    """The person whose session it is."""

    name: str
    role: Role


@dataclass(frozen=True)
class ModelRef:
    """One bundle, as a link."""

    name: str
    version: str


@dataclass(frozen=True)
class Flash:
    """One message about what the last request did."""

    tone: Tone
    text: str


@dataclass(frozen=True)
class Chrome:
    """What surrounds the content of every page.

    `path` is the path of the request (it marks the place in the navigation); `model` is the active bundle;
    `environment_warning` is a sentence about an unsafe installation, http without encryption for instance.
    """

    path: str
    user: SignedIn | None
    model: ModelRef | None
    flash: Flash | None = None
    environment_warning: str | None = None
    intended_use: str = INTENDED_USE
    person_decides: str = PERSON_DECIDES


@dataclass(frozen=True)
class Context:
    """A template's variables; `template` names the template."""

    template: ClassVar[str]


@dataclass(frozen=True)
class CaseRef:
    """One case, as a link; without an accession it is shown by the start of its id."""

    id: str
    accession: str | None
    state: CaseState = CaseState.OPEN


@dataclass(frozen=True)
class LabelCounts:
    """How many cells carry each predicted label."""

    malignant: int = 0
    healthy: int = 0
    indeterminate: int = 0
    not_assessable: int = 0


@dataclass(frozen=True)
class VerdictCounts:
    """How many cells carry each current verdict, and how many have none."""

    malignant_lymphoblast: int = 0
    normal_precursor: int = 0
    uncertain: int = 0
    other_or_artefact: int = 0
    none: int = 0


@dataclass(frozen=True)
class Refusal:
    """Why one file or cell was not taken; `code` is the API's problem code."""

    code: str
    title: str
    detail: str


@dataclass(frozen=True)
class CaseRow:
    """One line of a case list. `cells` counts the stored ones, refused ones apart."""

    case: CaseRef
    created_at: datetime
    created_by: str | None
    cells: int
    waiting: int
    refused: int
    labels: LabelCounts
    with_verdict: int
    drawn: bool = False


@dataclass(frozen=True)
class Note:
    """One reason or quality remark, in a sentence."""

    code: str
    text: str
    tone: Tone = Tone.NOTE
