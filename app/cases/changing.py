"""A case about to be changed: locked, unchanged since it was seen, and open."""

from uuid import UUID

from app.cases.repository import CaseRepository
from app.cases.tables import Case
from app.errors import Conflict, NotFound


def locked_case(cases: CaseRepository, site_id: UUID, case_id: UUID, seen_version: int | None) -> Case:
    """The case, which nobody else changes until the transaction ends.

    Args:
        seen_version: the version the writer saw; None when the act does not depend on it.

    Raises:
        NotFound: no such case at this site. Conflict: it has changed since `seen_version`.
    """
    case = cases.case_for_update(site_id, case_id)
    if case is None:
        raise NotFound(f"There is no case {case_id}.")
    if seen_version is not None and seen_version != case.version:
        raise Conflict(
            f"You saw version {seen_version} of this case; it is at version {case.version} now. "
            "Look at it again, then repeat what you wanted."
        )
    return case


def case_to_change(
    cases: CaseRepository, site_id: UUID, case_id: UUID, seen_version: int | None = None
) -> Case:
    """A locked case that is still open.

    Raises:
        NotFound, Conflict: as `locked_case`; and Conflict when the case is signed, amended or retracted.
    """
    case = locked_case(cases, site_id, case_id, seen_version)
    refuse_closed(case)
    return case


def refuse_closed(case: Case) -> None:
    """Raise Conflict when a case takes no change."""
    if case.state.is_closed:
        raise Conflict(
            f"This case is {case.state}, so it takes no change. "
            "Amend it with a reason first; a retracted one stays as it is."
        )
