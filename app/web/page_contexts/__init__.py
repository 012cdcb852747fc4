"""What each page needs to be drawn: one frozen dataclass per template, its fields the template's variables.

Plain values only. A door fills one from what its service returned and gives it to `rendering.render`.
Times may be naive: they are read as UTC. Probabilities and shares are 0..1.
"""

from app.web.page_contexts.accounts import (
    AdminPage,
    ErrorPage,
    FieldError,
    KeyRow,
    LoginPage,
    SetupPage,
    UserRow,
)
from app.web.page_contexts.cases import (
    CasePage,
    CasesPage,
    Gallery,
    GalleryPartial,
    RefusedCell,
    StateCount,
    Tile,
    UploadPage,
)
from app.web.page_contexts.cells import (
    CellPage,
    CellResult,
    MeasurementRow,
    Prediction,
    Probabilities,
    ResultPartial,
    VerdictEntry,
    VerdictPanel,
    VerdictPartial,
)
from app.web.page_contexts.models import CardBlock, Estimate, Fact, MetricRow, ModelPage, ModelRow, ModelsPage
from app.web.page_contexts.reference import Field, Operation, ReferencePage
from app.web.page_contexts.shared import (
    CaseRef,
    CaseRow,
    Chrome,
    Context,
    Flash,
    LabelCounts,
    ModelRef,
    Note,
    Refusal,
    SignedIn,
    VerdictCounts,
)

__all__ = [
    "AdminPage",
    "CardBlock",
    "CasePage",
    "CaseRef",
    "CaseRow",
    "CasesPage",
    "CellPage",
    "CellResult",
    "Chrome",
    "Context",
    "ErrorPage",
    "Estimate",
    "Fact",
    "Field",
    "FieldError",
    "Flash",
    "Gallery",
    "GalleryPartial",
    "KeyRow",
    "LabelCounts",
    "LoginPage",
    "MeasurementRow",
    "MetricRow",
    "ModelPage",
    "ModelRef",
    "ModelRow",
    "ModelsPage",
    "Note",
    "Operation",
    "Prediction",
    "Probabilities",
    "ReferencePage",
    "Refusal",
    "RefusedCell",
    "ResultPartial",
    "SetupPage",
    "SignedIn",
    "StateCount",
    "Tile",
    "UploadPage",
    "UserRow",
    "VerdictCounts",
    "VerdictEntry",
    "VerdictPanel",
    "VerdictPartial",
]
