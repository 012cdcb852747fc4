"""Fills page contexts from what the services returned; pure, so that a page can be tested without a server."""

from collections.abc import Mapping

from app.cases.acquisition import AcquisitionProfile, check_profile
from app.cases.repository import CaseCounts
from app.cases.tables import Case, CaseState
from app.reports.acquisition_words import profile_warnings as warnings_of
from app.web import page_contexts as pages
from models.bundle import TrainingAcquisition
from models.classifier import PredictionLabel


def case_ref(case: Case) -> pages.CaseRef:
    return pages.CaseRef(str(case.id), case.accession, case.state)


def profile_warnings(case: Case, training: TrainingAcquisition | None) -> tuple[str, ...]:
    """training: how the active model's training pictures were taken."""
    return warnings_of(check_profile(AcquisitionProfile.of(case.acquisition), training))


def case_row(
    case: Case,
    counts: CaseCounts,
    labels: Mapping[PredictionLabel, int],
    with_verdict: int,
    created_by: str | None,
) -> pages.CaseRow:
    return pages.CaseRow(
        case=case_ref(case),
        created_at=case.created_at,
        created_by=created_by,
        cells=counts.cells - counts.refused,
        waiting=counts.stored,
        refused=counts.refused,
        labels=pages.LabelCounts(**{str(label): count for label, count in labels.items()}),
        with_verdict=with_verdict,
        drawn=case.drawn,
    )


def cases_page(
    rows: tuple[pages.CaseRow, ...],
    counts: Mapping[CaseState, int],
    search: str,
    state: CaseState | None,
    cursor: str | None,
    next_cursor: str | None,
) -> pages.CasesPage:
    """counts: cases that match the search, by state."""
    return pages.CasesPage(
        rows=rows,
        search=search,
        state=state,
        state_counts=tuple(pages.StateCount(each, counts.get(each, 0)) for each in CaseState),
        total=counts.get(state, 0) if state else sum(counts.values()),
        cursor=cursor,
        next_cursor=next_cursor,
    )
