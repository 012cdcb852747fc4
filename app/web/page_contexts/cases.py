"""The case list."""

from dataclasses import dataclass
from typing import ClassVar

from app.web.page_contexts.shared import CaseRow, Context
from app.web.words import CaseState


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
