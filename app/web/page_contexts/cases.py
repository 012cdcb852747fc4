"""The upload page and the case list."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.page_contexts.shared import CaseRef, CaseRow, Context
from app.web.words import CaseState


@dataclass(frozen=True)
class UploadPage(Context):
    """`/`: choose images, see what is expected, continue a recent case.

    `into_case` adds to that case instead of opening one; `newcomer` puts the drawn sample first;
    `batch_size` files travel in one request, each of at most `max_image_bytes`.
    """

    template: ClassVar[str] = "upload.html"
    can_upload: bool
    newcomer: bool
    into_case: CaseRef | None
    accession: str
    recent: tuple[CaseRow, ...]
    max_image_bytes: int = 2 * 1024 * 1024
    batch_size: int = 8


@dataclass(frozen=True)
class StateCount:
    """How many cases are in one state."""

    state: CaseState
    count: int


@dataclass(frozen=True)
class CasesPage(Context):
    """`/cases`: the list, searched by accession, filtered by state, paged by cursor.

    `total` counts what matches search and state; `cursor` is the one of this page, None on the first.
    """

    template: ClassVar[str] = "cases.html"
    rows: tuple[CaseRow, ...]
    search: str
    state: CaseState | None
    state_counts: tuple[StateCount, ...]
    total: int
    cursor: str | None
    next_cursor: str | None
