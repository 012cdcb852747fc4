"""Upload, cases, cells and verdicts."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.accounts.permissions import Permission
from app.cases.tables import CaseState
from app.guard import GuardedRoute, may
from app.web import case_contexts as contexts
from app.web import page_contexts as pages
from app.web.visit import Visit, VisitDep

CASES_A_PAGE = 25

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)


@router.get("/cases")
@may(Permission.SEE_CASES)
def cases_page(
    visit: VisitDep,
    q: Annotated[str, Query(max_length=64)] = "",
    state: str = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    wanted = next((each for each in CaseState if each == state), None)
    rows, next_cursor = case_rows(visit, search=q.strip(), state=wanted, cursor=cursor)
    counts = visit.cases.state_counts(visit.who, q.strip())
    return visit.page(contexts.cases_page(rows, counts, q, wanted, cursor, next_cursor))


def case_rows(
    visit: Visit,
    *,
    search: str = "",
    state: CaseState | None = None,
    cursor: str | None = None,
    limit: int = CASES_A_PAGE,
) -> tuple[tuple[pages.CaseRow, ...], str | None]:
    cases = visit.cases
    found = cases.cases(visit.who, search=search, state=state, cursor=cursor, limit=limit)
    labels, judged = cases.label_counts(visit.who, found.cases), visit.reviews.judged_counts(found.cases)
    names = visit.accounts.names({case.created_by for case in found.cases})
    rows = tuple(
        contexts.case_row(
            case, found.counts[case.id], labels[case.id], judged[case.id], names.get(case.created_by)
        )
        for case in found.cases
    )
    return rows, found.next_cursor
